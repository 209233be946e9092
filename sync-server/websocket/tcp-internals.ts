/**
 * What the relay uses of `node:net` beyond its documented interface: what is left of a write in progress. The documented
 * counts change only when a write is complete, which takes long for a large one over a slow connection.
 * `test/structure/private-names.test.ts` fails when it changes. As of Node 24.
 */
import type { Socket } from "node:net";

/** `bytesWritten`: of all writes that were begun; `writeQueueSize`: what the system has not taken of them. */
type Handle = { readonly bytesWritten: number; readonly writeQueueSize: number };

/** How many bytes the system has taken in all; 0 once the socket is closed. */
export const acceptedBytes = (socket: Socket): number => {
  const { _handle: handle } = socket as unknown as { readonly _handle: Handle | null };
  return handle === null ? 0 : handle.bytesWritten - handle.writeQueueSize;
};
