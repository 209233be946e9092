/**
 * Every limit of the relay, once. Six are settings (settings.ts), the others are fixed; docs/limits.md lists both.
 * The parts of the relay get them as a parameter, so that tests can use small ones.
 */
export type Limits = {
  /** Largest content of a room, as bytes of accepted updates since the last compaction plus its snapshot; above it 4413. */
  readonly documentBytes: number;
  /** Messages of one connection, each second; above it, the relay reads more slowly. A stock client echoes every cursor move of a full room. */
  readonly messagesPerSecond: number;
  /** Bytes of one connection, each second; above it, the relay reads more slowly. */
  readonly bytesPerSecond: number;
  readonly connectionsPerRoom: number;
  readonly connectionsPerAddress: number;
  readonly newConnectionsPerSecondPerAddress: number;

  /** Bytes that a connection may leave unread; above it, content waits until they are read. Of pieces of content, a quarter. */
  readonly bufferedBytes: number;
  /** Largest awareness state of a client, as JSON in UTF-8; above it, it is dropped. */
  readonly awarenessStateBytes: number;
  /** All awareness states of a room; above it, states of more than 1 KiB are dropped. */
  readonly presenceBytes: number;
  /** Updates that wait for something that they refer to, per connection; above it 1013. */
  readonly pendingBytes: number;
  /** Messages of one connection whose answer grows with the room (SyncStep1, queryAwareness, commands), each second; above it, the relay reads more slowly. */
  readonly requestsPerSecond: number;
  /** Structs and deletes in the updates of one connection, each second; above it, the relay reads more slowly. */
  readonly structsPerSecond: number;
  /** Connections from an address of this machine, such as a proxy's or a test's; `connectionsPerAddress` if that is more. */
  readonly connectionsPerLoopbackAddress: number;
  /** Sockets on which no valid token has arrived yet, of all addresses; above it they are destroyed. */
  readonly unauthenticatedSockets: number;
  /** How long the headers of a request may take to arrive, and with them a token, in seconds; checked every 5 s. */
  readonly unauthenticatedSeconds: number;
  /** Request line and headers together; room for a token of the greatest length; above it 431. */
  readonly headerBytes: number;
  /** Largest body of an HTTP call; above it 413. */
  readonly bodyBytes: number;
};

export const DEFAULT_LIMITS: Limits = {
  documentBytes: 64 * 1024 * 1024,
  messagesPerSecond: 3_000,
  bytesPerSecond: 4 * 1024 * 1024,
  connectionsPerRoom: 2_000,
  connectionsPerAddress: 1_500,
  newConnectionsPerSecondPerAddress: 500,

  bufferedBytes: 1024 * 1024,
  awarenessStateBytes: 64 * 1024,
  presenceBytes: 4 * 1024 * 1024,
  pendingBytes: 1024 * 1024,
  requestsPerSecond: 2,
  structsPerSecond: 250_000,
  connectionsPerLoopbackAddress: 5_000,
  unauthenticatedSockets: 2_000,
  unauthenticatedSeconds: 10,
  headerBytes: 16 * 1024,
  bodyBytes: 64 * 1024,
};

/** What a message may hold besides all of a document. */
const AROUND_A_DOCUMENT_BYTES = 64 * 1024;

/** The largest message that is read: a client may send all of its document at once. Above it 4413, far above 1009. */
export const largestMessageBytes = ({ documentBytes }: Pick<Limits, "documentBytes">): number =>
  documentBytes + AROUND_A_DOCUMENT_BYTES;

/** Longest time without a host that a room or the relay may be set to, in ms: 30 days. */
export const HOST_ABSENCE_MAX_MS = 30 * 86_400_000;
