/** Every limit of the relay, once. docs/limits.md lists them with the flag that changes each. */
export type Limits = {
  /** Largest message that is looked at; above it 4413. */
  readonly messageBytes: number;
  /** Hard cap of the WebSocket layer; above it 1009. */
  readonly frameBytes: number;
  /** Largest content of a room, as bytes of accepted updates since the last compaction plus its snapshot; above it 4413. */
  readonly documentBytes: number;
  /** Largest awareness state of a client, as JSON in UTF-8; above it 4413. */
  readonly awarenessStateBytes: number;
  /** Updates that wait for something that they refer to, per connection; above it 1013. */
  readonly pendingBytes: number;
  /** Bytes that a slow socket may leave unread in the relay; above it 1013. */
  readonly bufferedBytes: number;
  /** Messages of one connection, each second; above it 1013. A stock client echoes every cursor move of a full room. */
  readonly messagesPerSecond: number;
  /** Bytes of one connection, each second; above it 1013. */
  readonly bytesPerSecond: number;
  /** Messages of one connection whose answer grows with the room (SyncStep1, queryAwareness, commands), each second; above it 1013. */
  readonly requestsPerSecond: number;
  /** Structs and deletes in the updates of one connection, each second; above it 1013, or 4413 if one update holds more than can ever come. */
  readonly structsPerSecond: number;
  readonly connectionsPerRoom: number;
  readonly connectionsPerAddress: number;
  /** The same for addresses of this machine: tests, and proxies in front of the relay. */
  readonly connectionsPerLoopbackAddress: number;
  readonly newConnectionsPerSecondPerAddress: number;
  /** Sockets on which no valid token has come yet, of all addresses; more are cut. */
  readonly unauthenticatedSockets: number;
  /** How long the headers of a request may take to arrive, and with them a token, in seconds; looked at every 5 s. */
  readonly unauthenticatedSeconds: number;
  /** Request line and headers together; room for a token of the greatest length; above it 431. */
  readonly headerBytes: number;
  /** Largest body of an HTTP call; above it 413. */
  readonly bodyBytes: number;
};

export const DEFAULT_LIMITS: Limits = {
  messageBytes: 8 * 1024 * 1024,
  frameBytes: 16 * 1024 * 1024,
  documentBytes: 64 * 1024 * 1024,
  awarenessStateBytes: 16 * 1024,
  pendingBytes: 1024 * 1024,
  bufferedBytes: 16 * 1024 * 1024,
  messagesPerSecond: 3_000,
  bytesPerSecond: 4 * 1024 * 1024,
  requestsPerSecond: 2,
  structsPerSecond: 250_000,
  connectionsPerRoom: 2_000,
  connectionsPerAddress: 1_500,
  connectionsPerLoopbackAddress: 5_000,
  newConnectionsPerSecondPerAddress: 500,
  unauthenticatedSockets: 2_000,
  unauthenticatedSeconds: 10,
  headerBytes: 16 * 1024,
  bodyBytes: 64 * 1024,
};

/** Longest time without a host that a room or the relay may be set to, in ms: 30 days. */
export const HOST_ABSENCE_MAX_MS = 30 * 86_400_000;
