/** The example page's files, over real HTTP from a folder that looks like Vite's. */
import { mkdir, mkdtemp, readdir, readlink, rm, symlink, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { brotliCompressSync, brotliDecompressSync, gunzipSync, gzipSync } from "node:zlib";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { startHttp } from "./http-harness.ts";
import type { Http } from "./http-harness.ts";

let folder: string;
let webRoot: string;
let http: Http;

const SCRIPT = "export const greeting = 'hällo';\n";

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "session-room-static-"));
  webRoot = join(folder, "dist");
  await mkdir(join(webRoot, "assets"), { recursive: true });
  await mkdir(join(webRoot, "classroom"));
  await mkdir(join(folder, "dist-secret"));
  await Promise.all([
    writeFile(join(webRoot, "index.html"), "<!doctype html><title>room</title>"),
    writeFile(join(webRoot, "classroom", "index.html"), "<!doctype html><title>classroom</title>"),
    writeFile(join(webRoot, "session-room.js"), SCRIPT),
    writeFile(join(webRoot, "empty.txt"), ""),
    writeFile(join(webRoot, "unknown.kind"), "?"),
    writeFile(join(webRoot, ".env"), "secret"),
    writeFile(join(webRoot, "a b%.svg"), "<svg/>"),
    writeFile(join(webRoot, "assets", "index-B4x_k-9Q.js"), SCRIPT),
    writeFile(join(webRoot, "assets", "plain.js"), SCRIPT),
    writeFile(join(webRoot, "assets", "index-B4x_k-9Q.js.br"), brotliCompressSync(SCRIPT)),
    writeFile(join(webRoot, "assets", "index-B4x_k-9Q.js.gz"), gzipSync(SCRIPT)),
    writeFile(join(webRoot, "classroom", "index.html.gz"), gzipSync("<!doctype html><title>classroom</title>")),
    writeFile(join(folder, "secret.txt"), "secret"),
    writeFile(join(folder, "dist-secret", "secret.txt"), "secret"),
  ]);
  http = await startHttp({}, { webRoot });
});

afterAll(async () => {
  await http.stop();
  await rm(folder, { recursive: true });
});

let other: Http | undefined;
afterEach(async () => {
  await other?.stop();
  other = undefined;
});

const openFiles = async () => {
  const links = (await readdir("/proc/self/fd")).map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => ""));
  return (await Promise.all(links)).filter((path) => path.startsWith(webRoot));
};

describe("files of the example page", () => {
  it("serves the page at / whatever the query, revalidated each time, without referrers", async () => {
    for (const path of ["/", "/?room=a&x=/../", "/index.html"]) {
      const page = await http.call(path);
      expect(page.status).toBe(200);
      expect(page.text).toContain("<title>room");
      expect(page.headers).toMatchObject({
        "content-type": "text/html; charset=utf-8",
        "cache-control": "no-cache",
        "referrer-policy": "no-referrer",
        "x-content-type-options": "nosniff",
      });
      expect(page.headers["access-control-allow-origin"]).toBeUndefined();
    }
  });

  it("lets the page use CodeMirror's inline styles and connect to a relay, but run no script from elsewhere", async () => {
    const policy = String((await http.call("/")).headers["content-security-policy"]);
    expect(policy).toContain("default-src 'self'");
    expect(policy).toContain("style-src 'self' 'unsafe-inline'");
    expect(policy).toContain("connect-src 'self' ws: wss:");
    expect(policy).not.toMatch(/script-src|'unsafe-eval'/);
  });

  it("serves the page of a folder", async () => {
    expect((await http.call("/classroom/")).text).toContain("<title>classroom");
  });

  it("serves the elements to pages of every origin", async () => {
    const script = await http.call("/session-room.js", { headers: { Origin: "https://other.example" } });
    expect(script.status).toBe(200);
    expect(script.text).toBe(SCRIPT);
    expect(script.headers).toMatchObject({
      "content-type": "text/javascript; charset=utf-8",
      "content-length": String(Buffer.byteLength(SCRIPT)),
      "cache-control": "no-cache",
      "access-control-allow-origin": "*",
      "x-content-type-options": "nosniff",
    });
  });

  it("lets browsers cache hashed files for good, and no others", async () => {
    const hashed = await http.call("/assets/index-B4x_k-9Q.js");
    expect(hashed.headers["cache-control"]).toBe("public, max-age=31536000, immutable");
    expect(hashed.headers["access-control-allow-origin"]).toBe("*");
    expect((await http.call("/assets/plain.js")).headers["cache-control"]).toBe("no-cache");
  });

  it("answers 304 to a client that has the file, until it changes", async () => {
    const path = join(webRoot, "changing.txt");
    await writeFile(path, "one");
    const first = await http.call("/changing.txt");
    const etag = String(first.headers.etag);
    const again = await http.call("/changing.txt", { headers: { "If-None-Match": `"x", ${etag}` } });
    expect(again).toMatchObject({ status: 304, text: "" });
    expect(again.headers.etag).toBe(etag);
    await writeFile(path, "three");
    const changed = await http.call("/changing.txt", { headers: { "If-None-Match": etag } });
    expect(changed).toMatchObject({ status: 200, text: "three" });
  });

  const HASHED = "/assets/index-B4x_k-9Q.js";

  it.each([
    ["gzip, deflate, br, zstd", "br"],
    ["BR;q=0.1, gzip;q=1.0", "br"],
    ["gzip", "gzip"],
    ["br;q=0, gzip", "gzip"],
    ["br; q=0.000 , gzip;q=0", undefined],
    ["identity", undefined],
    ["*", undefined],
    ["brotli, gz", undefined],
    ["", undefined],
    [",;=;q=,", undefined],
    [undefined, undefined],
  ])("[H7] to a client that accepts %j sends the copy in %s", async (accepted, encoding) => {
    const headers = accepted === undefined ? {} : { "Accept-Encoding": accepted };
    const answer = await http.call(HASHED, { headers });
    expect(answer.status).toBe(200);
    expect(answer.headers["content-encoding"]).toBe(encoding);
    expect(answer.headers).toMatchObject({
      vary: "Accept-Encoding",
      "content-type": "text/javascript; charset=utf-8",
      "cache-control": "public, max-age=31536000, immutable",
      "content-length": String(answer.bytes.length),
      "x-content-type-options": "nosniff",
    });
    const decode = { br: brotliDecompressSync, gzip: gunzipSync }[encoding as string] ?? ((bytes: Buffer) => bytes);
    expect(String(decode(answer.bytes))).toBe(SCRIPT);
    const head = await http.call(HASHED, { method: "HEAD", headers });
    expect(head.headers["content-encoding"]).toBe(encoding);
    expect(head.headers["content-length"]).toBe(answer.headers["content-length"]);
  });

  it("[H7] sends the file itself where there is no copy, or not the one that is accepted", async () => {
    const headers = { "Accept-Encoding": "br, gzip" };
    const script = await http.call("/session-room.js", { headers });
    expect(script).toMatchObject({ status: 200, text: SCRIPT });
    expect(script.headers["content-encoding"]).toBeUndefined();
    const page = await http.call("/classroom/", { headers });
    expect(page.headers["content-encoding"]).toBe("gzip");
    expect(page.headers["content-security-policy"]).toContain("default-src 'self'");
    expect(String(gunzipSync(page.bytes))).toContain("<title>classroom");
    expect((await http.call("/classroom/", { headers: { "Accept-Encoding": "br" } })).text).toContain(
      "<title>classroom",
    );
  });

  it("[H7] knows each copy by a tag of its own", async () => {
    const get = (encoding: string, more = {}) =>
      http.call(HASHED, { headers: { "Accept-Encoding": encoding, ...more } });
    const tags = await Promise.all(["br", "gzip", "identity"].map(async (each) => (await get(each)).headers.etag));
    expect(new Set(tags).size).toBe(3);
    const again = await get("br", { "If-None-Match": tags[0] });
    expect(again).toMatchObject({ status: 304, text: "" });
    expect(again.headers.vary).toBe("Accept-Encoding");
    expect((await get("gzip", { "If-None-Match": tags[0] })).status).toBe(200);
  });

  it("sends whole files: ranges are ignored, also those that make no sense", async () => {
    for (const Range of ["bytes=0-3", "bytes=5-3", "bytes=-1", "bytes=9999999-", "lines=1"]) {
      expect(await http.call("/session-room.js", { headers: { Range } })).toMatchObject({ status: 200, text: SCRIPT });
    }
  });

  it("[H5] answers 412 to a client that wants another version alone", async () => {
    const answer = await http.call("/session-room.js", { headers: { "If-Match": '"other"' } });
    expect(answer.status).toBe(412);
    expect(answer.json().type).toBe("urn:session-room:problem:precondition-failed");
    expect((await http.call("/session-room.js", { headers: { "If-Match": "*" } })).status).toBe(200);
  });

  it.runIf(process.platform === "linux")(
    "leaves no file open when clients disconnect in the middle of one",
    async () => {
      await writeFile(join(webRoot, "large.txt"), "x".repeat(20_000_000));
      for (let i = 0; i < 20; i++) {
        const socket = connect(http.port, "127.0.0.1");
        socket.write("GET /large.txt HTTP/1.1\r\nHost: localhost\r\n\r\n");
        await new Promise((resolve) => socket.once("data", resolve));
        socket.destroy();
      }
      await vi.waitFor(async () => expect(await openFiles()).toEqual([]));
      expect(http.logged).toEqual([]);
    },
  );

  it("answers HEAD as GET, without the body", async () => {
    const head = await http.call("/session-room.js", { method: "HEAD" });
    expect(head).toMatchObject({ status: 200, text: "" });
    expect(head.headers["content-length"]).toBe(String(Buffer.byteLength(SCRIPT)));
  });

  it("serves empty files, unknown kinds and percent-encoded names", async () => {
    expect(await http.call("/empty.txt")).toMatchObject({ status: 200, text: "" });
    expect((await http.call("/unknown.kind")).headers["content-type"]).toBe("application/octet-stream");
    const picture = await http.call("/a%20b%25.svg");
    expect(picture).toMatchObject({ status: 200, text: "<svg/>" });
    expect(picture.headers["content-type"]).toBe("image/svg+xml; charset=utf-8");
  });

  it.each([
    "/../secret.txt",
    "/assets/../../secret.txt",
    "/%2e%2e/secret.txt",
    "/..%2fsecret.txt",
    "/assets/..%2f..%2fsecret.txt",
    "/../dist-secret/secret.txt",
    "/..\\secret.txt",
    "/%5c..%5csecret.txt",
    "/session-room.js%00.html",
    "/.env",
    "/./index.html",
    "//index.html",
    "/%2fetc/passwd",
    "/assets",
    "/assets/",
    "/session-room.js/",
    "/session-room.js/x",
    "/missing.js",
    `/${"x".repeat(5000)}`,
  ])("answers 404 to %s", async (path) => {
    const answer = await http.call(path);
    expect(answer.status).toBe(404);
    expect(answer.headers["content-type"]).toBe("application/problem+json");
    expect(answer.json().type).toBe("urn:session-room:problem:not-found");
    expect(answer.text).not.toContain("secret");
  });

  it("[H5] answers 400 to malformed percent-encoding", async () => {
    const answer = await http.call("/%zz");
    expect(answer.status).toBe(400);
    expect(answer.json().type).toBe("urn:session-room:problem:bad-path");
  });

  it("[H5] answers 405 to other methods", async () => {
    const answer = await http.call("/index.html", { method: "DELETE" });
    expect(answer.status).toBe(405);
    expect(answer.headers.allow).toBe("GET, HEAD");
  });

  it.runIf(process.platform === "linux")("leaves no file open, whatever the answer", async () => {
    await http.call("/session-room.js", { method: "HEAD" });
    await http.call("/session-room.js", { headers: { "If-None-Match": "*" } });
    await http.call("/assets");
    expect(await openFiles()).toEqual([]);
    await http.call("/session-room.js");
    // A stream closes its file a little after the answer.
    await vi.waitFor(async () => expect(await openFiles()).toEqual([]));
  });

  it("says how to build the page when it is not built, and nothing else is there", async () => {
    for (const root of [null, join(folder, "nowhere")]) {
      other = await startHttp({}, { webRoot: root });
      const page = await other.call("/");
      expect(page.status).toBe(200);
      expect(page.text).toContain("npm start");
      expect((await other.call("/session-room.js")).status).toBe(404);
      await other.stop();
    }
    other = undefined;
  });

  it("shows a build without a restart", async () => {
    const late = join(folder, "late");
    other = await startHttp({}, { webRoot: late });
    expect((await other.call("/")).text).toContain("not built");
    await mkdir(late);
    await writeFile(join(late, "index.html"), "built");
    expect((await other.call("/")).text).toBe("built");
  });

  it("[H5] a file that cannot be read is a logged 500 without details of the disk", async () => {
    // A link in a circle fails for root too, which ignores permissions.
    await symlink(join(webRoot, "circle.txt"), join(webRoot, "circle.txt"));
    const answer = await http.call("/circle.txt");
    expect(answer.status).toBe(500);
    expect(answer.text).not.toContain(folder);
    expect(http.logged).toHaveLength(1);
  });
});
