/**
 * What an operator can set, with defaults. Pure: it is handed the flags and the environment, and
 * only the command-line entry (`main.ts`) reads the real ones.
 */
import type { Limits } from "./limits.ts";

export type StoreKind = "sqlite" | "memory";

export type RelayConfig = {
  /** TCP port; 0 lets the system choose one. */
  readonly port: number;
  /** Address to listen on. */
  readonly host: string;
  /** Folder of the database and of the generated token secret. */
  readonly dataDir: string;
  /** How long a live run may be without a host, in ms. */
  readonly hostAbsenceMs: number;
  /** Least time that a host has to come back after a start of the relay, in ms. */
  readonly restartGraceMs: number;
  /** Lifetime of the tokens of `POST /v1/rooms`, in ms. */
  readonly tokenTtlMs: number;
  /** Address under which people reach the relay, without a slash at the end; `null`: made from host and port. */
  readonly publicUrl: string | null;
  /** Secret of HS256 tokens; `null`: made on first start and kept in the data folder. */
  readonly tokenSecret: string | null;
  /** Key of the operator's HTTP calls; `null`: see `POST /v1/rooms` in the contract. */
  readonly adminKey: string | null;
  /** Origins whose pages may connect; `null`: any. */
  readonly allowedOrigins: readonly string[] | null;
  readonly store: StoreKind;
  readonly limits: Limits;
};
