/** Bad input gets its screen, its close code or its problem document; nobody else is affected, and nothing is lost. */
import { once } from "node:events";
import { SignJWT } from "jose";
import { describe, expect, it, onTestFinished } from "vitest";
import { WebSocket } from "ws";
import { SUBPROTOCOL, TOKEN_SUBPROTOCOL_PREFIX } from "../../src/protocol/protocol.ts";
import { createWorld } from "./world.ts";

const SECRET = "a secret of the end-to-end tests, long enough";
const world = createWorld({ SESSION_ROOM_TOKEN_SECRET: SECRET });

const sign = (claims: Record<string, unknown>, expires: string, secret = SECRET): Promise<string> =>
  new SignJWT(claims)
    .setProtectedHeader({ alg: "HS256" })
    .setExpirationTime(expires)
    .sign(new TextEncoder().encode(secret));

const linkTo = (room: string, token: string): string =>
  `${world.relay.url}/?room=${encodeURIComponent(room)}#token=${token}`;

/** Connects, sends one frame, and resolves with how the relay closes the connection. */
const closeAfter = async (room: string, token: string, frame: string | Uint8Array) => {
  const url = `${world.relay.url.replace("http", "ws")}/${encodeURIComponent(room)}`;
  const socket = new WebSocket(url, [SUBPROTOCOL, TOKEN_SUBPROTOCOL_PREFIX + token]);
  onTestFinished(() => socket.terminate());
  socket.on("error", () => undefined);
  socket.once("open", () => socket.send(frame));
  const [code, reason] = (await once(socket, "close")) as [number, Buffer];
  return { code, reason: reason.toString() };
};

describe("links that do not open", () => {
  it.each([
    ["expired", () => sign({ room: "algebra", role: "participant" }, "-1 minute")],
    [
      "signed with another secret",
      () => sign({ room: "algebra", role: "host" }, "1 hour", "another secret, which is as long as ours"),
    ],
    ["without a role", () => sign({ room: "algebra" }, "1 hour")],
  ])("[W4] a token that is %s: the page shows a screen for it", async (_what, makeToken) => {
    const person = await world.person();
    await person.open(linkTo("algebra", await makeToken()));
    await person.heading("This link does not open the session").waitFor();
    expect(await person.editor.isVisible()).toBe(false);
  });

  it("[W4] a token for another room", async () => {
    const person = await world.person();
    await person.open(linkTo("algebra", await sign({ room: "history", role: "host" }, "1 hour")));
    await person.page.getByRole("heading", { name: /cannot take part|does not open/ }).waitFor();
    expect(await person.editor.isVisible()).toBe(false);
  });

  it("[W4] no token at all, or a garbled one", async () => {
    const person = await world.person();
    for (const token of ["", "abc"]) {
      await person.open("about:blank");
      await person.open(linkTo("algebra", token));
      await person.heading("This link is incomplete").waitFor();
    }
    expect(person.pageErrors).toEqual([]);
  });

  it("[P4] a name from the token is shown as verified, whatever name the page sets", async () => {
    const { room, host } = await world.openClassroom();
    const known = await world.person("Somebody Else");
    const token = await sign({ room: room.room, role: "participant", sub: "cleo", name: "Cleo Known" }, "1 hour");
    await known.open(linkTo(room.room, token));
    await known.joined();
    await host.seesPeople(3);
    const list = await host.people();
    expect(list.find((line) => line.includes("Cleo Known"))).toMatch(/Verified name/);
    expect(list.join()).not.toContain("Somebody Else");
  });
});

describe("bad frames", () => {
  it.each<[string, string | Uint8Array, number]>([
    ["a text frame", "hello", 4400],
    ["a frame that ends early", Uint8Array.of(0, 2, 200), 4400],
    ["a session message that is not JSON", Uint8Array.of(83, 1, 123), 4400],
    ["a frame above the limit of a message", new Uint8Array(64 * 1024 * 1024 + 64 * 1024 + 1), 4413],
    ["a frame far above it", new Uint8Array(2 * (64 * 1024 * 1024 + 64 * 1024) + 1), 1009],
  ])("[W4] %s closes only its own connection", async (_what, frame, code) => {
    const { room, host, guest } = await world.openClassroom();
    await host.type("Before. ");
    await guest.sees("Before.");
    expect(await closeAfter(room.room, room.participantToken, frame)).toMatchObject({ code });
    await guest.type("After.");
    await host.sees("Before. After.");
    await Promise.all([host.connected(), guest.connected()]);
  });

  it("[W13] the close reason names the exceeded limit and its setting", async () => {
    const room = await world.relay.makeRoom();
    const { reason } = await closeAfter(
      room.room,
      room.participantToken,
      new Uint8Array(64 * 1024 * 1024 + 64 * 1024 + 1),
    );
    expect(reason).toContain(String(64 * 1024 * 1024 + 64 * 1024));
    expect(reason).toContain("limit-document-bytes");
  });

  it("[P6] a name is text, never markup", async () => {
    const { room, host } = await world.openClassroom();
    const name = "<img src=x onerror=window.wasRun=1>";
    const attacker = await world.person(name);
    await attacker.open(room.inviteUrl);
    await attacker.joined();
    await attacker.type("x");
    await host.seesPeople(3);
    expect((await host.people()).join()).toContain(name);
    expect(await host.page.evaluate(() => "wasRun" in window)).toBe(false);
  });
});

describe("bad requests", () => {
  it.each([
    ["bad JSON", "/v1/rooms", "{", 400],
    ["a room that exists", "/v1/rooms", { room: "taken" }, 409],
    ["a wrong kind of value", "/v1/rooms", { hostAbsenceMs: "long" }, 400],
    ["a room without a name", "/v1/rooms/%20%ZZ/end", {}, 400],
  ])("[H5] %s is answered with a problem document", async (_what, path, body, status) => {
    if (status === 409) await world.relay.makeRoom({ room: "taken" });
    const answer = await world.relay.call(path, { method: "POST", body });
    expect(answer.status).toBe(status);
    expect(answer.type).toMatch("application/problem+json");
    expect(answer.body).toMatchObject({ status, title: expect.any(String), detail: expect.any(String) });
  });

  it("[H3] a participant's token cannot end the session", async () => {
    const { room, host, guest } = await world.openClassroom();
    const path = `/v1/rooms/${room.room}/end`;
    expect(await world.relay.call(path, { method: "POST", token: room.participantToken })).toMatchObject({
      status: 403,
    });
    expect(await world.relay.call(path, { method: "POST" })).toMatchObject({ status: 401 });
    await host.type("Continuing.");
    await guest.sees("Continuing.");
  });
});
