/** What the relay's process says of itself when it is asked at night, and how it is asked. */

/** How the relay's process is started. */
export type RelaySettings = {
  readonly speed: number;
  readonly epochMs: number;
  readonly dataDir: string;
  readonly tokenSecret: string;
  readonly adminKey: string;
};

export type Sample = {
  /** Memory of the process as the system counts it. */
  readonly rssBytes: number;
  /** Of JavaScript after a collection, buffers included. */
  readonly heapBytes: number;
  /** Open file descriptors: sockets, database, pipes. */
  readonly descriptors: number;
  /** What keeps the process going, but for timers. */
  readonly handles: number;
  /** Timers of the relay's clock that are set. */
  readonly timers: number;
  /** Objects of these classes that are alive after a collection. */
  readonly rooms: number;
  readonly connections: number;
  readonly sockets: number;
  readonly docs: number;
  /** Database and log together. */
  readonly databaseBytes: number;
};

/** From the relay's process: what is asked is answered in order. */
export type FromRelay =
  | { readonly type: "ready"; readonly url: string }
  | { readonly type: "sample"; readonly sample: Sample }
  /** Its loop stood still for so long, in real ms. */
  | { readonly type: "stalled"; readonly ms: number };
