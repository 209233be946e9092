/**
 * The PROXY protocol, versions 1 and 2, in which a TCP load balancer names its client at the beginning of a connection
 * (docs/SPEC.md, N3). After HAProxy's specification, doc/proxy-protocol.txt of haproxy/haproxy, whose sections are
 * cited as "2.1". TLVs are skipped, among them the checksum (2.2.3), since TCP has one already.
 */
import { isIPv4, isIPv6 } from "node:net";
import type { Socket } from "node:net";
import type { Clock } from "../../src/clock.ts";
import { plainAddress } from "../config/address-ranges.ts";

export type ProxyHeader =
  /** The bytes do not begin with a PROXY header. */
  | { readonly kind: "absent" }
  /** The bytes may be the beginning of a PROXY header. */
  | { readonly kind: "incomplete" }
  | { readonly kind: "malformed" }
  | {
      readonly kind: "complete";
      readonly lengthBytes: number;
      /** The address of the client; `null` if the header names none (LOCAL, UNKNOWN, not TCP over IP). */
      readonly source: string | null;
    };

const ABSENT: ProxyHeader = { kind: "absent" };
const INCOMPLETE: ProxyHeader = { kind: "incomplete" };
const MALFORMED: ProxyHeader = { kind: "malformed" };

const V1_PREFIX = Buffer.from("PROXY ", "latin1");
/** Including the line break (2.1). */
const V1_MAX_BYTES = 107;

const V2_SIGNATURE = Buffer.from("\r\n\r\n\0\r\nQUIT\n", "latin1");
const V2_FIXED_BYTES = 16;
/** Longest rest after the fixed part. Senders keep a header within 536 bytes (2), unless TLVs hold certificate names. */
const V2_REST_MAX_BYTES = 1_024;
const V2_LOCAL = 0x20;
const V2_PROXY = 0x21;
/** Families are 0 to 3, transports 0 to 2; all others "must be rejected as invalid" (2.2). */
const V2_FAMILY_MAX = 3;
const V2_TRANSPORT_MAX = 2;
const V2_TCP4 = 0x11;
const V2_TCP4_BYTES = 12;
const V2_TCP6 = 0x21;
const V2_TCP6_BYTES = 36;

/** Whether the bytes begin with the prefix, or are its beginning. */
const mayBegin = (bytes: Buffer, prefix: Buffer): boolean =>
  bytes.subarray(0, prefix.length).equals(prefix.subarray(0, bytes.length));

const isPort = (text: string): boolean => /^(?:0|[1-9]\d{0,4})$/.test(text) && Number(text) <= 65_535;

const isAddress = (text: string, version: "4" | "6"): boolean =>
  version === "4" ? isIPv4(text) : isIPv6(text) && !text.includes("%");

const readVersion1 = (bytes: Buffer): ProxyHeader => {
  const end = bytes.subarray(0, V1_MAX_BYTES).indexOf("\r\n");
  if (end === -1) return bytes.length >= V1_MAX_BYTES ? MALFORMED : INCOMPLETE;
  const line = bytes.toString("latin1", 0, end);
  const lengthBytes = end + 2;
  // The rest of such a line "must be ignored" (2.1).
  if (/^PROXY UNKNOWN(?: |$)/.test(line)) return { kind: "complete", lengthBytes, source: null };
  const match = /^PROXY TCP([46]) ([\da-f.:]+) ([\da-f.:]+) (\d+) (\d+)$/i.exec(line);
  if (match === null) return MALFORMED;
  const [, digit, source, destination, ...ports] = match as unknown as [string, "4" | "6", string, string, string];
  const isValid = isAddress(source, digit) && isAddress(destination, digit) && ports.every(isPort);
  return isValid ? { kind: "complete", lengthBytes, source: plainAddress(source) } : MALFORMED;
};

/** The source address, with which the block after the fixed part begins. */
const readVersion2Source = (family: number, block: Buffer): string | null => {
  if (family === V2_TCP4) return [...block.subarray(0, 4)].join(".");
  if (family !== V2_TCP6) return null;
  const groups = Array.from({ length: 8 }, (_, i) => block.readUInt16BE(i * 2).toString(16));
  return plainAddress(groups.join(":"));
};

const readVersion2 = (bytes: Buffer): ProxyHeader => {
  if (bytes.length < V2_FIXED_BYTES) return INCOMPLETE;
  const command = bytes[12]!;
  const family = bytes[13]!;
  const restBytes = bytes.readUInt16BE(14);
  const lengthBytes = V2_FIXED_BYTES + restBytes;
  if ((command !== V2_LOCAL && command !== V2_PROXY) || restBytes > V2_REST_MAX_BYTES) return MALFORMED;
  // With LOCAL the family is ignored (2.2).
  if (command === V2_PROXY) {
    if (family >> 4 > V2_FAMILY_MAX || (family & 0xf) > V2_TRANSPORT_MAX) return MALFORMED;
    if (restBytes < (family === V2_TCP4 ? V2_TCP4_BYTES : family === V2_TCP6 ? V2_TCP6_BYTES : 0)) return MALFORMED;
  }
  if (bytes.length < lengthBytes) return INCOMPLETE;
  const source = command === V2_LOCAL ? null : readVersion2Source(family, bytes.subarray(V2_FIXED_BYTES, lengthBytes));
  return { kind: "complete", lengthBytes, source };
};

/**
 * Reads the first bytes of a connection. While the header is incomplete, it is called again with all bytes so far.
 * It reads no more than the longest header, which bounds the cost of a header that arrives byte by byte.
 */
export const readProxyHeader = (bytes: Buffer): ProxyHeader => {
  const isVersion1 = mayBegin(bytes, V1_PREFIX);
  const isVersion2 = mayBegin(bytes, V2_SIGNATURE);
  if (isVersion1 && bytes.length >= V1_PREFIX.length) return readVersion1(bytes);
  if (isVersion2 && bytes.length >= V2_SIGNATURE.length) return readVersion2(bytes);
  return isVersion1 || isVersion2 ? INCOMPLETE : ABSENT;
};

function destroy(this: Socket): void {
  this.destroy();
}

/**
 * Consumes a PROXY header, if there is one, from the beginning of a socket that has no listeners yet, and leaves all
 * other bytes unread. Destroys the socket if the header is malformed, or still incomplete after `timeoutMs`.
 *
 * @param done called at most once, with the source that the header names; `null` if there is no header or no source.
 */
export const takeProxyHeader = (
  socket: Socket,
  clock: Pick<Clock, "setTimer">,
  timeoutMs: number,
  done: (source: string | null) => void,
): void => {
  let bytes: Buffer = Buffer.alloc(0);
  const cancelTimer = clock.setTimer(timeoutMs, () => socket.destroy());
  const stop = (): void => {
    cancelTimer();
    socket.off("readable", read).off("end", destroy).off("error", destroy).off("close", stop);
  };
  const read = (): void => {
    const chunk = socket.read() as Buffer | null;
    if (chunk === null) return;
    bytes = bytes.length === 0 ? chunk : Buffer.concat([bytes, chunk]);
    const header = readProxyHeader(bytes);
    if (header.kind === "incomplete") return;
    stop();
    if (header.kind === "malformed") {
      socket.destroy();
      return;
    }
    const rest = header.kind === "complete" ? bytes.subarray(header.lengthBytes) : bytes;
    if (rest.length > 0) socket.unshift(rest);
    done(header.kind === "complete" ? header.source : null);
  };
  socket.on("readable", read).on("end", destroy).on("error", destroy).on("close", stop);
};
