/** The messages between the soak and the relay's process: settings and measurements. */

/** How the relay's process is started. */
export type RelaySettings = {
  readonly speed: number;
  readonly epochMs: number;
  readonly dataDir: string;
  readonly tokenSecret: string;
  readonly adminKey: string;
};

export type Sample = {
  /** Resident memory of the process. */
  readonly rssBytes: number;
  /** JavaScript heap and buffers after a garbage collection. */
  readonly heapBytes: number;
  /** Open file descriptors: sockets, database, pipes. */
  readonly descriptors: number;
  /** Active handles of the event loop, without timers. */
  readonly handles: number;
  /** Active timers of the relay's clock. */
  readonly timers: number;
  /** Objects of these classes after a garbage collection. */
  readonly rooms: number;
  readonly connections: number;
  readonly sockets: number;
  readonly docs: number;
  /** Database and log together. */
  readonly databaseBytes: number;
};

/** Messages of the relay's process; requests are answered in order. */
export type FromRelay =
  | { readonly type: "ready"; readonly url: string }
  | { readonly type: "sample"; readonly sample: Sample }
  /** Its event loop was blocked for this long, in real ms. */
  | { readonly type: "stalled"; readonly ms: number };
