/** The HTTP calls over real sockets, with rooms that only record their calls. */
import { connect } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { DEFAULT_LIMITS } from "../../../sync-server/config/limits.ts";
import { bearer, startHttp } from "./http-harness.ts";
import type { Answer, Http } from "./http-harness.ts";

const KEY = "the operator's key";
const DAY_MS = 24 * 60 * 60 * 1000;

let http: Http;
afterEach(() => http.stop());

const start: typeof startHttp = async (...args) => (http = await startHttp(...args));

const expectProblem = (answer: Answer, status: number, code: string): void => {
  expect(answer.headers["content-type"], answer.text).toBe("application/problem+json");
  expect(answer.json()).toEqual({
    type: `urn:session-room:problem:${code}`,
    title: expect.stringMatching(/./),
    status,
    detail: expect.stringMatching(/./),
  });
  expect(answer.status).toBe(status);
};

const token = (role: "host" | "participant", room = "r", person: { sub?: string; name?: string } = {}) =>
  http.tokens.sign({ room, role, ...person, expiresAt: http.clock.wallNow() + DAY_MS });

/** Everything that the server says to these bytes. */
const raw = (bytes: string): Promise<string> =>
  new Promise((resolve, reject) => {
    const socket = connect(http.port, "127.0.0.1", () => socket.write(bytes));
    let text = "";
    socket.setEncoding("utf8");
    socket.on("data", (chunk: string) => (text += chunk));
    socket.on("error", reject);
    socket.on("close", () => resolve(text));
  });

describe("POST /v1/rooms", () => {
  it("[H1] makes a room and answers 201 with its tokens and links", async () => {
    await start();
    const answer = await http.post("/v1/rooms", { room: "Maths 1/ä", hostAbsenceMs: 1500, start: "manual", more: 1 });
    expect(answer.status).toBe(201);
    expect(answer.headers["content-type"]).toBe("application/json");
    expect(answer.headers["cache-control"]).toBe("no-store");
    expect(answer.headers.location).toBe("/v1/rooms/Maths%201%2F%C3%A4");
    expect(http.calls).toEqual([["create", "Maths 1/ä", { start: "manual", hostAbsenceMs: 1500 }]]);
    const made = answer.json();
    const base = `http://127.0.0.1:${http.port}/?room=Maths%201%2F%C3%A4#token=`;
    expect(made).toEqual({
      room: "Maths 1/ä",
      hostToken: expect.any(String),
      participantToken: expect.any(String),
      hostUrl: base + made.hostToken,
      inviteUrl: base + made.participantToken,
    });
  });

  it("[H6] its tokens are invitations for the room that live as long as configured, and stand in the fragments", async () => {
    await start({ tokenTtlMs: 2 * DAY_MS, publicUrl: "https://relay.example" });
    const made = (await http.post("/v1/rooms", { room: "r" })).json();
    for (const [role, name] of [
      ["host", "hostToken"],
      ["participant", "participantToken"],
    ] as const) {
      const expiresAt = http.clock.wallNow() + 2 * DAY_MS;
      expect(await http.tokens.verify(made[name])).toEqual({ ok: true, claims: { room: "r", role, expiresAt } });
    }
    for (const link of [made.hostUrl, made.inviteUrl]) {
      const url = new URL(link);
      expect(url.origin).toBe("https://relay.example");
      expect(url.search).toBe("?room=r");
      expect(url.hash).toMatch(/^#token=\S+$/);
    }
  });

  it("[H1] needs no body at all: a random name, automatic start, the relay's absence limit", async () => {
    await start();
    const names = new Set<string>();
    for (let i = 0; i < 5; i++) {
      const answer = await http.post("/v1/rooms");
      expect(answer.status).toBe(201);
      expect(answer.json().room).toMatch(/^[a-hjkmnp-z2-9]{10}$/);
      names.add(answer.json().room);
    }
    expect(names.size).toBe(5);
    expect(http.calls[0]).toEqual(["create", expect.any(String), { start: "auto", hostAbsenceMs: null }]);
  });

  it("[H1] answers 409 if the room exists", async () => {
    await start();
    await http.post("/v1/rooms", { room: "r" });
    expectProblem(await http.post("/v1/rooms", { room: "r" }), 409, "room-exists");
  });

  it("[H1] counts the characters of a name, not its bytes", async () => {
    await start();
    expect((await http.post("/v1/rooms", { room: "🦊".repeat(128) })).status).toBe(201);
  });

  it.each([
    ["room", ""],
    ["room", "r".repeat(129)],
    ["room", "\ud800"],
    ["room", "a\nb"],
    ["room", "\u007f"],
    ["room", "."],
    ["room", ".."],
    ["room", 7],
    ["room", null],
    ["room", ["r"]],
    ["hostAbsenceMs", 0],
    ["hostAbsenceMs", -1],
    ["hostAbsenceMs", 1.5],
    ["hostAbsenceMs", 30 * DAY_MS + 1],
    ["hostAbsenceMs", "15m"],
    ["hostAbsenceMs", true],
    ["hostAbsenceMs", null],
    ["start", "later"],
    ["start", ""],
    ["start", false],
    ["start", ["auto"]],
  ])("[H5] refuses %s = %j with a 400 that names it, and makes nothing", async (field, value) => {
    await start();
    const answer = await http.post("/v1/rooms", { [field]: value });
    expectProblem(answer, 400, "bad-field");
    expect(answer.json().detail).toContain(field);
    expect(http.calls).toEqual([]);
  });

  it.each([
    "{",
    "nothing",
    "{}{}",
    '{"room":"\u0001"}',
    "[]",
    "null",
    '"r"',
    "1",
    Buffer.from('{"room":"\xff"}', "latin1"),
    "\0",
  ])("[H5] refuses the body %j with a 400", async (body) => {
    await start();
    const headers = { "Content-Type": "application/json" };
    expectProblem(await http.call("/v1/rooms", { method: "POST", headers, body }), 400, "bad-json");
    expect(http.calls).toEqual([]);
  });

  it("[H5] takes a body as application/json alone, in any spelling", async () => {
    await start();
    for (const type of [
      undefined,
      "text/plain",
      "application/x-www-form-urlencoded",
      "application/jsonx",
      "multipart/form-data; x=application/json",
    ]) {
      const headers = type === undefined ? {} : { "Content-Type": type };
      expectProblem(await http.call("/v1/rooms", { method: "POST", headers, body: "{}" }), 415, "not-json");
    }
    const headers = { "Content-Type": "Application/JSON ; charset=utf-8" };
    expect((await http.call("/v1/rooms", { method: "POST", headers, body: "{}" })).status).toBe(201);
  });

  it("[H5] answers 413 to a body above the limit, declared or not, and goes on", async () => {
    await start({ limits: { ...DEFAULT_LIMITS, bodyBytes: 100 } });
    const json = { "Content-Type": "application/json" };
    const chunked = { ...json, "Transfer-Encoding": "chunked" };
    for (const [headers, bytes] of [
      [json, 101],
      [json, 3_000_000],
      [chunked, 101],
      [chunked, 3_000_000],
    ] as const) {
      const answer = await http.call("/v1/rooms", { method: "POST", headers, body: " ".repeat(bytes) });
      expectProblem(answer, 413, "body-too-large");
      expect(answer.json().detail).toContain("larger than 100 bytes");
    }
    const body = `{"room":"r"}${" ".repeat(88)}`;
    expect((await http.call("/v1/rooms", { method: "POST", headers: json, body })).status).toBe(201);
    expect(http.logged).toEqual([]);
  });

  it("[H5] answers 413 to a body that declares too much before it comes", async () => {
    await start();
    const socket = connect(http.port, "127.0.0.1");
    socket.write("POST /v1/rooms HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000000\r\n\r\n");
    const answer = await new Promise((resolve) => socket.once("data", resolve));
    expect(String(answer)).toMatch(/^HTTP\/1\.1 413 /);
    socket.destroy();
  });

  it("a client that disconnects in the middle of its body makes no room and no log line", async () => {
    await start();
    const socket = connect(http.port, "127.0.0.1");
    socket.write(
      "POST /v1/rooms HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 50\r\nExpect: 100-continue\r\n\r\n",
    );
    // The relay's "100 Continue" shows that it is waiting for the body.
    await new Promise((resolve) => socket.once("data", resolve));
    socket.write('{"room":');
    socket.destroy();
    expect((await http.post("/v1/rooms", { room: "r" })).status).toBe(201);
    expect(http.calls).toHaveLength(1);
    expect(http.logged).toEqual([]);
  });
});

describe("who may make rooms", () => {
  it("[H1] with an admin key, whoever sends it, from anywhere", async () => {
    await start({ adminKey: KEY }, { listensOnLoopback: () => false });
    const headers = {
      ...bearer(KEY),
      Host: "relay.example",
      "X-Forwarded-For": "10.0.0.1",
      Origin: "https://app.example",
    };
    expect((await http.post("/v1/rooms", { room: "r" }, headers)).status).toBe(201);
    expect((await http.post("/v1/rooms", { room: "s" }, { Authorization: `bearer   ${KEY} ` })).status).toBe(201);
  });

  it("[H1] with an admin key, nobody without it, not even on this machine or with a host token", async () => {
    await start({ adminKey: KEY });
    const none = await http.post("/v1/rooms", { room: "r" });
    expectProblem(none, 401, "unauthorized");
    expect(none.headers["www-authenticate"]).toBe('Bearer realm="session-room"');
    const wrong = [
      bearer("x"),
      bearer(`${KEY}x`),
      bearer(KEY.slice(1)),
      bearer(KEY.slice(0, -1)),
      bearer(await token("host")),
      { Authorization: "Bearer" },
      { Authorization: `Basic ${KEY}` },
      { Authorization: KEY },
    ];
    for (const headers of wrong) {
      expectProblem(await http.post("/v1/rooms", { room: "r" }, headers), 401, "unauthorized");
    }
    const answer = await http.post("/v1/rooms", { room: "r" }, bearer("MARK"));
    expect(answer.headers["www-authenticate"]).toContain('error="invalid_token"');
    expect(answer.text).not.toMatch(/MARK|operator/);
    expect(http.calls).toEqual([]);
  });

  it("[H1] without one, nobody while other machines can reach the relay", async () => {
    await start({}, { listensOnLoopback: () => false });
    const answer = await http.post("/v1/rooms", { room: "r" });
    expectProblem(answer, 403, "admin-key-needed");
    expect(answer.json().detail).toContain("SESSION_ROOM_ADMIN_KEY");
  });

  it.each(["relay.example", "192.168.0.7:1234", "127.0.0.1.evil.example", "evil.example:1234"])(
    "[H1] without one, not under the Host %s (DNS rebinding)",
    async (Host) => {
      await start();
      expectProblem(await http.post("/v1/rooms", { room: "r" }, { Host }), 403, "admin-key-needed");
      expectProblem(
        await http.post(
          "/v1/rooms",
          { room: "r" },
          { Host, Origin: `http://${Host}`, "Sec-Fetch-Site": "same-origin" },
        ),
        403,
        "admin-key-needed",
      );
      expect(http.calls).toEqual([]);
    },
  );

  it.each(["localhost", "localhost:9999", "127.0.0.1", "127.9.9.9:1", "[::1]:1234"])(
    "[H1] without one, under the Host %s",
    async (Host) => {
      await start();
      expect((await http.post("/v1/rooms", { room: "r" }, { Host })).status).toBe(201);
    },
  );

  it.each(["Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-IP", "Via", "CF-Connecting-IP"])(
    "[H1] without one, not through a proxy that sends %s",
    async (name) => {
      await start();
      const answer = await http.post("/v1/rooms", { room: "r" }, { [name]: "for=127.0.0.1" });
      expectProblem(answer, 403, "admin-key-needed");
      expect(answer.json().detail).toContain(name.toLowerCase());
    },
  );

  it("[H1] without one, the relay's own page may, and no foreign page", async () => {
    await start();
    const Host = `localhost:${http.port}`;
    const own = { Host, Origin: `http://${Host}`, "Sec-Fetch-Site": "same-origin" };
    expect((await http.post("/v1/rooms", { room: "r" }, own)).status).toBe(201);
    for (const foreign of [
      { Origin: "https://evil.example" },
      { Origin: "http://localhost:1" },
      { Origin: "null" },
      { Origin: "" },
      { "Sec-Fetch-Site": "cross-site" },
      { Origin: `http://${Host}`, "Sec-Fetch-Site": "cross-site" },
    ]) {
      // Without a body: the "simple" request that browsers send without asking first.
      expectProblem(
        await http.call("/v1/rooms", { method: "POST", headers: { Host, ...foreign } }),
        403,
        "origin-not-allowed",
      );
    }
    expect(http.calls).toHaveLength(1);
  });

  it("[H1] without one, a page of an allowed origin may", async () => {
    await start({ allowedOrigins: ["http://localhost:5173"] });
    const page = { Origin: "http://localhost:5173", "Sec-Fetch-Site": "cross-site" };
    expect((await http.post("/v1/rooms", { room: "r" }, page)).status).toBe(201);
    const other = { Origin: "http://localhost:5174" };
    expectProblem(await http.post("/v1/rooms", { room: "s" }, other), 403, "origin-not-allowed");
  });
});

const CALLS = [
  ["GET", "/v1/rooms/r"],
  ["POST", "/v1/rooms/r/start"],
  ["POST", "/v1/rooms/r/end"],
] as const;

describe.each(CALLS)("who may %s %s", (method, path) => {
  it("[H2] [H3] the admin key and a host token of the room", async () => {
    await start({ adminKey: KEY });
    await http.post("/v1/rooms", { room: "r" }, bearer(KEY));
    for (const credential of [KEY, await token("host"), await token("host", "r", { sub: "u1" })]) {
      const answer = await http.call(path, { method, headers: bearer(credential) });
      expect(answer.status).toBe(200);
      expect(answer.headers["cache-control"]).toBe("no-store");
      expect(answer.json()).toMatchObject({ room: "r" });
    }
  });

  it("[H5] 401 without, with a bad and with an expired token, on this machine too", async () => {
    await start();
    await http.post("/v1/rooms", { room: "r" });
    const none = await http.call(path, { method });
    expectProblem(none, 401, "unauthorized");
    expect(none.headers["www-authenticate"]).toBe('Bearer realm="session-room"');

    const expired = await token("host");
    http.clock.advance(2 * DAY_MS);
    for (const bad of [expired, "x", "null", `${await token("host")}x`, "x".repeat(9000)]) {
      const answer = await http.call(path, { method, headers: bearer(bad) });
      expectProblem(answer, 401, "unauthorized");
      expect(answer.headers["www-authenticate"]).toContain('error="invalid_token"');
      if (bad.length > 10) expect(answer.text).not.toContain(bad);
    }
    const late = await http.call(path, { method, headers: bearer(expired) });
    expect(late.json().detail).toContain("expired");
    // In the query a token would end in access logs.
    expectProblem(await http.call(`${path}?token=${await token("host")}`, { method }), 401, "unauthorized");
    expect(http.calls).toHaveLength(1);
  });

  it("[H5] 403 for a participant and for another room, whether it exists or not", async () => {
    await start({ adminKey: KEY });
    await http.post("/v1/rooms", { room: "r" }, bearer(KEY));
    const as = async (credential: string) => http.call(path, { method, headers: bearer(credential) });
    expectProblem(await as(await token("participant")), 403, "not-a-host");
    expectProblem(await as(await token("participant", "r", { sub: "u1", name: "Ada" })), 403, "not-a-host");
    expectProblem(await as(await token("host", "other")), 403, "wrong-room");
    expect(http.calls).toHaveLength(1);
  });

  it("[H5] 404 for a room that does not exist", async () => {
    await start({ adminKey: KEY });
    for (const credential of [KEY, await token("host")]) {
      expectProblem(await http.call(path, { method, headers: bearer(credential) }), 404, "no-such-room");
    }
  });
});

describe("start and end", () => {
  it("[H3] a host's end names the person of the token; an operator's names nobody", async () => {
    await start({ adminKey: KEY });
    await http.post("/v1/rooms", { room: "r" }, bearer(KEY));
    const end = async (credential: string) => http.post("/v1/rooms/r/end", {}, bearer(credential));
    await end(await token("host", "r", { sub: "u1", name: "Ada" }));
    await end(await token("host", "r", { sub: "u2" }));
    await end(await token("host"));
    await end(KEY);
    expect(http.calls.slice(1)).toEqual([
      ["end", "r", undefined, "host-ended", { id: "u1", name: "Ada" }],
      ["end", "r", undefined, "host-ended", { id: "u2", name: "" }],
      ["end", "r", undefined, "host-ended", null],
      ["end", "r", undefined, "admin", null],
    ]);
  });

  it("[H3] pass the run on, and answer with the room", async () => {
    await start();
    await http.post("/v1/rooms", { room: "a/b" });
    const host = bearer(await token("host", "a/b"));
    const started = await http.post("/v1/rooms/a%2Fb/start", { run: 0 }, host);
    expect(started.status).toBe(200);
    expect(started.json()).toMatchObject({ room: "a/b", status: "live", run: 1, startedAt: 5, ended: null });
    const ended = await http.post("/v1/rooms/a%2Fb/end", { run: 1 }, host);
    expect(ended.json()).toMatchObject({ status: "ended", ended: { at: 6, reason: "host-ended", by: null } });
    expect(http.calls.slice(1)).toEqual([
      ["start", "a/b", 0],
      ["end", "a/b", 1, "host-ended", null],
    ]);
  });

  it.each(["start", "end"])("[H3] %s answers 409 for a run that the room has not reached", async (action) => {
    await start();
    await http.post("/v1/rooms", { room: "r" });
    const answer = await http.post(`/v1/rooms/r/${action}`, { run: 9 }, bearer(await token("host")));
    expectProblem(answer, 409, "unknown-run");
    expect(answer.json().detail).toContain("run 9");
  });

  it.each([-1, 1.5, "1", null, true, 2 ** 53, [1]])("[H5] refuses run = %j", async (run) => {
    await start();
    await http.post("/v1/rooms", { room: "r" });
    for (const action of ["start", "end"]) {
      const answer = await http.post(`/v1/rooms/r/${action}`, { run }, bearer(await token("host")));
      expectProblem(answer, 400, "bad-field");
      expect(answer.json().detail).toContain("run");
    }
    expect(http.calls).toHaveLength(1);
  });
});

describe("addresses and methods", () => {
  it.each([
    "/v1",
    "/v1/",
    "/v1/room",
    "/v1/rooms/",
    "/v1/rooms//start",
    "/v1/rooms/r/",
    "/v1/rooms/r/stop",
    "/v1/rooms/r/start/",
    "/v1/rooms/r/end/x",
    "/v2/rooms",
  ])("[H5] 404 at %s", async (path) => {
    await start();
    const answer = await http.call(path);
    expectProblem(answer, 404, "not-found");
  });

  it("[H5] 400 for malformed percent-encoding, bytes that are no UTF-8 and names out of bounds", async () => {
    await start({ adminKey: KEY });
    const get = (name: string) => http.call(`/v1/rooms/${name}`, { headers: bearer(KEY) });
    for (const name of ["%", "%zz", "%ff", "%C3", "%2F%", "%25%zz"]) expectProblem(await get(name), 400, "bad-path");
    for (const name of ["r".repeat(129), "%00", "a%0Ab", ".", "..", "%2e", "%2E%2e"]) {
      expectProblem(await get(name), 400, "bad-room-name");
    }
    expectProblem(await get("%2F..%2F"), 404, "no-such-room");
    expectProblem(await get("r".repeat(128)), 404, "no-such-room");
  });

  it.each([
    ["DELETE", "/v1/rooms", "POST, OPTIONS"],
    ["GET", "/v1/rooms", "POST, OPTIONS"],
    ["PUT", "/v1/rooms/r", "GET, HEAD, OPTIONS"],
    ["POST", "/v1/rooms/r", "GET, HEAD, OPTIONS"],
    ["GET", "/v1/rooms/r/end", "POST, OPTIONS"],
    ["POST", "/livez", "GET, HEAD, OPTIONS"],
    ["PATCH", "/readyz", "GET, HEAD, OPTIONS"],
  ])("[H5] 405 with Allow to %s %s", async (method, path, allow) => {
    await start();
    const answer = await http.call(path, { method });
    expectProblem(answer, 405, "method-not-allowed");
    expect(answer.headers.allow).toBe(allow);
    expect((await http.call(path, { method: "OPTIONS" })).headers.allow).toBe(allow);
  });

  it("[H2] answers HEAD as GET, without the body", async () => {
    await start({ adminKey: KEY });
    await http.post("/v1/rooms", { room: "r" }, bearer(KEY));
    const get = await http.call("/v1/rooms/r", { headers: bearer(KEY) });
    const head = await http.call("/v1/rooms/r", { method: "HEAD", headers: bearer(KEY) });
    expect(head).toMatchObject({ status: 200, text: "" });
    expect(head.headers["content-length"]).toBe(get.headers["content-length"]);
    expect(await http.call("/v1/rooms/r", { method: "HEAD" })).toMatchObject({ status: 401, text: "" });
  });

  it("[H4] livez and readyz answer anyone; readyz 503 while the relay is not ready", async () => {
    let ready = false;
    await start({ adminKey: KEY, allowedOrigins: [] }, { isReady: () => ready, listensOnLoopback: () => false });
    const anyone = { headers: { Host: "relay.example", Origin: "https://any.example" } };
    expect((await http.call("/livez", anyone)).status).toBe(200);
    expectProblem(await http.call("/readyz", anyone), 503, "not-ready");
    ready = true;
    expect((await http.call("/readyz", anyone)).status).toBe(200);
    expect(await http.call("/readyz", { method: "HEAD" })).toMatchObject({ status: 200, text: "" });
  });

  it("[H4] a health check is answered the same with and without the router", async () => {
    const page = { Origin: "https://app.example" };
    let ready = false;
    await start({}, { isReady: () => ready });
    for (ready of [true, false]) {
      for (const path of ["/livez", "/readyz", "/readyz?verbose"]) {
        for (const method of ["GET", "HEAD"]) {
          const plain = await http.call(path, { method });
          const routed = await http.call(path, { method, headers: page });
          const { date: _, ...headers } = routed.headers;
          expect(plain).toMatchObject({ status: routed.status, text: routed.text, headers });
        }
      }
    }
  });

  it("[H4] a page of an allowed origin may read the answer of a health check", async () => {
    const Origin = "https://app.example";
    await start({ allowedOrigins: [Origin] });
    const answer = await http.call("/livez", { headers: { Origin } });
    expect(answer.headers["access-control-allow-origin"]).toBe(Origin);
  });

  it("[H5] an internal failure is a 500 without details, is logged without the query, and affects no other request", async () => {
    const fail = async () => {
      throw new Error("disk /secret/path is full");
    };
    await start({ adminKey: KEY }, { rooms: { create: fail, describe: fail, start: fail, end: fail } });
    const answer = await http.call("/v1/rooms/r?token=MARK", { headers: bearer(KEY) });
    expectProblem(answer, 500, "internal");
    expect(answer.text).not.toContain("disk");
    expect(answer.headers["cache-control"]).toBe("no-store");
    expect(http.logged).toHaveLength(1);
    expect(JSON.stringify(http.logged)).not.toMatch(/MARK|operator/);
    expect((await http.call("/livez")).status).toBe(200);
  });

  it("[H5] what is not HTTP, and headers too large, get problems too", async () => {
    await start();
    expect(await raw("nonsense\r\n\r\n")).toMatch(
      /^HTTP\/1\.1 400 [^]*application\/problem\+json[^]*problem:bad-request/,
    );
    expect(await raw(`GET /livez HTTP/1.1\r\nHost: localhost\r\nX: ${"x".repeat(20_000)}\r\n\r\n`)).toMatch(
      /^HTTP\/1\.1 431 [^]*problem:headers-too-large/,
    );
    expect(await raw("GET http://localhost/livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")).toMatch(
      /^HTTP\/1\.1 400 [^]*problem:bad-path/,
    );
    for (const host of ["a b", "localhost:port", "user@localhost"]) {
      expect(await raw(`GET /livez HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`)).toMatch(
        /^HTTP\/1\.1 400 [^]*application\/problem\+json[^]*problem:bad-request/,
      );
    }
    expect(await raw("OPTIONS * HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")).toMatch(/^HTTP\/1\.1 400 /);
    expect(await raw("POST /v1/rooms HTTP/1.0\r\n\r\n")).toMatch(/^HTTP\/1\.1 403 [^]*problem:admin-key-needed/);
    expect((await http.call("/livez")).status).toBe(200);
  });
});

describe("pages of other origins", () => {
  const APP = "https://app.example";

  it("get no CORS headers while none are set", async () => {
    await start();
    for (const method of ["GET", "OPTIONS"]) {
      const answer = await http.call("/v1/rooms/r", {
        method,
        headers: { Origin: APP, "Access-Control-Request-Method": "GET" },
      });
      expect(Object.keys(answer.headers).filter((name) => name.startsWith("access-control"))).toEqual([]);
    }
  });

  it("that are allowed may ask first, and read answers and problems", async () => {
    await start({ allowedOrigins: [APP], adminKey: KEY });
    const preflight = await http.call("/v1/rooms/r/end", {
      method: "OPTIONS",
      headers: {
        Origin: APP,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type",
      },
    });
    expect(preflight).toMatchObject({ status: 204, text: "" });
    expect(preflight.headers).toMatchObject({
      "access-control-allow-origin": APP,
      "access-control-allow-methods": expect.stringContaining("POST"),
      "access-control-allow-headers": "Authorization,Content-Type",
      "access-control-max-age": "600",
      allow: "POST, OPTIONS",
      vary: expect.stringContaining("Origin"),
    });
    const made = await http.post("/v1/rooms", { room: "r" }, { ...bearer(KEY), Origin: APP });
    expect(made.status).toBe(201);
    expect(made.headers["access-control-allow-origin"]).toBe(APP);
    expect(made.headers["access-control-expose-headers"]).toBe("Location,WWW-Authenticate");
    const refused = await http.call("/v1/rooms/r", { headers: { Origin: APP } });
    expectProblem(refused, 401, "unauthorized");
    expect(refused.headers["access-control-allow-origin"]).toBe(APP);
  });

  it("that are not allowed are refused, key or not, and may not read why", async () => {
    await start({ allowedOrigins: [APP], adminKey: KEY });
    await http.post("/v1/rooms", { room: "r" }, bearer(KEY));
    const evil = { Origin: "https://evil.example" };
    for (const [method, path] of [["POST", "/v1/rooms"], ...CALLS] as const) {
      const answer = await http.call(path, { method, headers: { ...bearer(KEY), ...evil } });
      expectProblem(answer, 403, "origin-not-allowed");
      expect(answer.headers["access-control-allow-origin"]).toBeUndefined();
      expect(answer.headers.vary).toBe("Origin");
      const preflight = await http.call(path, {
        method: "OPTIONS",
        headers: { ...evil, "Access-Control-Request-Method": method },
      });
      expect(preflight.headers["access-control-allow-origin"]).toBeUndefined();
    }
    expect(http.calls).toHaveLength(1);
  });

  it("the relay's own page is never foreign", async () => {
    await start({ allowedOrigins: [APP], publicUrl: "https://relay.example", adminKey: KEY });
    const own = { ...bearer(KEY), Origin: "https://relay.example" };
    expect((await http.post("/v1/rooms", { room: "r" }, own)).status).toBe(201);
  });
});
