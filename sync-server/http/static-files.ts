/**
 * The files of the example page, as Vite builds them, and `session-room.js` with the elements.
 * Hashed files are kept for good, all others are asked for again and mostly answered with 304.
 */
import { open } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import type { IncomingMessage } from "node:http";
import { extname, join } from "node:path";
import { problem } from "./problem.ts";
import type { Reply } from "./problem.ts";

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".json": "application/json",
  ".map": "application/json",
  ".webmanifest": "application/manifest+json",
  ".txt": "text/plain; charset=utf-8",
  ".svg": "image/svg+xml",
  ".png": "image/png",
  ".jpg": "image/jpeg",
  ".webp": "image/webp",
  ".avif": "image/avif",
  ".ico": "image/x-icon",
  ".woff2": "font/woff2",
  ".wasm": "application/wasm",
};

/**
 * What the page may load. CodeMirror writes style elements, so inline styles are allowed; Vite
 * inlines small images and fonts as data: addresses. A page may name any relay, so any WebSocket
 * goes. Nobody may frame the page: its End Session button is worth clickjacking.
 */
const PAGE_POLICY = [
  "default-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "font-src 'self' data:",
  "connect-src 'self' ws: wss:",
  "object-src 'none'",
  "base-uri 'none'",
  "form-action 'self'",
  "frame-ancestors 'none'",
].join("; ");

const NOT_BUILT = [
  "The relay is running.",
  "",
  "Its example page is not built. `npm start` builds it and starts the relay; `npm run build` only builds it.",
  "",
].join("\n");

/** Vite's `assets/name-hash.ext`: other bytes get another name. */
const HASHED = /^\/assets\/.+-[\w-]{8}\.[a-z0-9.]+$/;

/** Headers by the kind of file. The links carry tokens in the fragment; no page is told from where one came. */
const headersFor = (path: string): Record<string, string> => {
  const type = TYPES[extname(path)] ?? "application/octet-stream";
  const cache = {
    "Content-Type": type,
    "Cache-Control": HASHED.test(path) ? "public, max-age=31536000, immutable" : "no-cache",
  };
  if (type.startsWith("text/html")) {
    return { ...cache, "Referrer-Policy": "no-referrer", "Content-Security-Policy": PAGE_POLICY };
  }
  // Any page may load the elements from here.
  return { ...cache, "Access-Control-Allow-Origin": "*" };
};

/** The file's path below the folder, or `null` for one that no built file can have: it may lead out of the folder. */
const safePath = (rawPath: string): string | null => {
  const path = decodeURIComponent(rawPath.endsWith("/") ? `${rawPath}index.html` : rawPath);
  const isSafe = (segment: string) => segment !== "" && !segment.startsWith(".") && !/[\\\0:]/.test(segment);
  return path.split("/").slice(1).every(isSafe) ? path : null;
};

const NO_FILE: ReadonlySet<string | undefined> = new Set(["ENOENT", "ENOTDIR", "EISDIR", "ENAMETOOLONG"]);

const openFile = async (path: string): Promise<FileHandle | null> => {
  try {
    return await open(path);
  } catch (error) {
    if (NO_FILE.has((error as NodeJS.ErrnoException).code)) return null;
    throw error;
  }
};

const isCached = (req: IncomingMessage, etag: string): boolean =>
  req.headers["if-none-match"]?.split(",").some((tag) => tag.trim() === etag || tag.trim() === "*") ?? false;

/**
 * Answers GET and HEAD for the files of a folder.
 *
 * @param webRoot the built folder; `null` if there is none. It is looked at per request, so that a
 *   build shows without a restart.
 */
export const createStaticFiles = (webRoot: string | null) => {
  const readFile = async (req: IncomingMessage, path: string, file: FileHandle): Promise<Reply | null> => {
    const stat = await file.stat();
    if (!stat.isFile()) return null;
    // Weak: it speaks of size and time, not of the bytes.
    const etag = `W/"${stat.size.toString(36)}-${Math.floor(stat.mtimeMs).toString(36)}"`;
    const headers = { ...headersFor(path), ETag: etag };
    if (isCached(req, etag)) return { status: 304, headers, body: null };
    const body = req.method === "HEAD" ? null : file.createReadStream();
    return { status: 200, headers: { ...headers, "Content-Length": String(stat.size) }, body };
  };

  /** @param rawPath path of the request, percent-encoded, beginning with a slash. */
  return async (req: IncomingMessage, rawPath: string): Promise<Reply> => {
    if (req.method !== "GET" && req.method !== "HEAD") {
      return problem("method-not-allowed", "Files answer GET and HEAD.", { Allow: "GET, HEAD" });
    }
    let path: string | null;
    try {
      path = safePath(rawPath);
    } catch {
      return problem("bad-path", "The address is not percent-encoded UTF-8.");
    }
    const file = webRoot === null || path === null ? null : await openFile(join(webRoot, path));
    if (file !== null) {
      const reply = await readFile(req, path!, file);
      // A stream closes its file by itself, after the last byte or when the client goes.
      if (reply?.body == null) await file.close();
      if (reply !== null) return reply;
    }
    if (rawPath === "/") {
      return {
        status: 200,
        headers: { "Content-Type": "text/plain; charset=utf-8", "Cache-Control": "no-cache" },
        body: NOT_BUILT,
      };
    }
    return problem("not-found", "There is no file at this address.");
  };
};
