/**
 * Replaces the time and random numbers of the whole process by simulated ones, since y-websocket,
 * y-protocols and lib0 cannot be given a clock. Must be imported before those, since they keep references
 * to the globals, and only in a process that does nothing but simulate.
 */
import crypto from "node:crypto";
import { syncBuiltinESMExports } from "node:module";
import type { Random } from "../random.ts";
import type { SimTime } from "./time.ts";

/** When a simulated world begins, ms since the epoch. */
export const EPOCH_MS = Date.UTC(2030, 0, 1);

/** `null` while modules are loaded, before the first world: time then is at its start. */
let time: SimTime | null = null;
let random: Random | null = null;

/** Makes the process use this world's time and random numbers from now on. */
export const enterWorld = (world: { readonly time: SimTime; readonly random: Random }): void => {
  ({ time, random } = world);
};

const realSetImmediate = globalThis.setImmediate;
const realNow = performance.now.bind(performance);

/** Real time in ms, for the speed of the simulation. */
export const realTimeMs = (): number => realNow();

/** Resolves after all pending microtasks and promises have run. */
export const settle = (): Promise<void> => new Promise((resolve) => realSetImmediate(resolve));

const currentTime = (): SimTime => {
  if (time === null) throw new Error("no simulated world was entered");
  return time;
};
const currentRandom = (): Random => {
  if (random === null) throw new Error("no simulated world was entered");
  return random;
};

type Handle = { cancel: () => void; ref(): Handle; unref(): Handle };

const createHandle = (cancel: () => void): Handle => {
  const handle: Handle = { cancel, ref: () => handle, unref: () => handle };
  return handle;
};
const cancelTimer = (handle: Handle | undefined): void => handle?.cancel();

const setTimer = (run: (...args: unknown[]) => void, delayMs = 0, ...args: unknown[]): Handle =>
  createHandle(currentTime().schedule(delayMs, () => run(...args)));

const setRepeating = (run: () => void, everyMs = 1): Handle => {
  const clock = currentTime();
  const handle = createHandle(() => {});
  const arm = (): void => {
    handle.cancel = clock.schedule(everyMs, () => {
      arm();
      run();
    });
  };
  arm();
  return handle;
};

const fillRandomly = <T extends ArrayBufferView>(view: T): T => {
  const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
  for (let i = 0; i < bytes.length; i++) bytes[i] = currentRandom().below(256);
  return view;
};

const uuid = (): string => {
  const hex = Buffer.from(fillRandomly(new Uint8Array(16))).toString("hex");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
};

Object.assign(globalThis, {
  setTimeout: setTimer,
  setInterval: setRepeating,
  clearTimeout: cancelTimer,
  clearInterval: cancelTimer,
});
Date.now = () => EPOCH_MS + Math.floor(time?.now ?? 0);
performance.now = () => time?.now ?? 0;
Math.random = () => currentRandom().fraction();
Object.defineProperty(crypto.webcrypto, "getRandomValues", { value: fillRandomly });
Object.assign(crypto, { randomUUID: uuid });
syncBuiltinESMExports();
