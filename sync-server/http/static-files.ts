/**
 * The files of the example page, as Vite builds them, and `session-room.js` with the elements.
 * Hashed files are cached for good, all others are revalidated and mostly answered with 304.
 * Where the build has left a compressed copy (`name.br`, `name.gz`), that is sent.
 */
import type { IncomingMessage } from "node:http";
import { send } from "@fastify/send";
import type { SendOptions } from "@fastify/send";
import { parseAccept } from "hono/utils/accept";
import { getMimeType } from "hono/utils/mime";
import { problem } from "./problem.ts";
import type { Reply } from "./problem.ts";

/**
 * What the page may load. CodeMirror writes style elements, so inline styles are allowed; Vite
 * inlines small images and fonts as data: addresses. A page may name any relay, so any WebSocket
 * is allowed. No page may frame it: its End Session button is worth clickjacking.
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
  "The server is running.",
  "",
  "Its example page is not built. `npm start` builds it and starts the server; `npm run build` only builds it.",
  "",
].join("\n");

/** Encodings in which the build leaves copies (precompress.ts), the smallest first. */
const COPIES = [
  { encoding: "br", suffix: ".br" },
  { encoding: "gzip", suffix: ".gz" },
] as const;
const ORIGINAL = { encoding: null, suffix: "" } as const;

/** Vite's `assets/name-hash.ext`: other bytes get another name. */
const HASHED = /^\/assets\/.+-[\w-]{8}\.[a-z0-9.]+$/;

/** Headers by the kind of file. The links carry tokens in the fragment, so the page sends no referrer. */
const headersFor = (path: string): Record<string, string> => {
  const type = getMimeType(path) ?? "application/octet-stream";
  const cache = {
    "Content-Type": type,
    "Cache-Control": HASHED.test(path) ? "public, max-age=31536000, immutable" : "no-cache",
    Vary: "Accept-Encoding",
  };
  if (type.startsWith("text/html")) {
    return { ...cache, "Referrer-Policy": "no-referrer", "Content-Security-Policy": PAGE_POLICY };
  }
  // Any page may load the elements from here.
  return { ...cache, "Access-Control-Allow-Origin": "*" };
};

/** The versions of a file that the client accepts, the best first. */
const versionsFor = (req: IncomingMessage): ((typeof COPIES)[number] | typeof ORIGINAL)[] => {
  const accepted = parseAccept(req.headers["accept-encoding"] ?? "")
    .filter(({ q }) => q > 0)
    .map(({ type }) => type.toLowerCase());
  return [...COPIES.filter(({ encoding }) => accepted.includes(encoding)), ORIGINAL];
};

/**
 * Answers GET and HEAD for the files of a folder.
 *
 * @param webRoot the built folder; `null` if there is none. It is read for each request, so that a
 *   build shows without a restart.
 */
export const createStaticFiles = (webRoot: string | null) => {
  const options: SendOptions = {
    ...(webRoot !== null && { root: webRoot }),
    index: false,
    acceptRanges: false,
    cacheControl: false,
    contentType: false,
  };

  /** @param rawPath path of the request, percent-encoded, beginning with a slash. */
  return async (req: IncomingMessage, rawPath: string): Promise<Reply> => {
    if (req.method !== "GET" && req.method !== "HEAD") {
      return problem("method-not-allowed", "Files answer GET and HEAD.", { Allow: "GET, HEAD" });
    }
    const encodedPath = rawPath.endsWith("/") ? `${rawPath}index.html` : rawPath;
    let path: string;
    try {
      path = decodeURIComponent(encodedPath);
    } catch {
      return problem("bad-path", "The address is not percent-encoded UTF-8.");
    }
    // One address for each file: `send` would also resolve `/./` and `//`.
    const isFile = webRoot !== null && !/[\\:]|\/[./]/.test(path);
    for (const { encoding, suffix } of isFile ? versionsFor(req) : []) {
      const found = await send(req, encodedPath + suffix, options);
      if (found.type === "file") {
        return {
          status: found.statusCode,
          headers: {
            ...found.headers,
            ...headersFor(path),
            ...(encoding !== null && { "Content-Encoding": encoding }),
          },
          body: req.method === "GET" && found.statusCode === 200 ? found.stream : null,
        };
      }
      if (found.statusCode === 412) return problem("precondition-failed", "The file is another version.");
      if (found.type === "error" && found.statusCode >= 500) throw found.metadata.error;
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
