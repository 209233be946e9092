/** Brings what a room has to say to those who are to hear it: in its order, and to each socket in as few writes as can be. */
import type { Connection } from "./connection.ts";
import { Batch } from "../../websocket/frame.ts";
import type { Frame } from "../../websocket/frame.ts";

/** One thing to tell. */
export type Telling = {
  readonly receivers: readonly Connection[];
  readonly frame: Frame;
  /** Who gets nothing: whoever said it. */
  readonly except: Connection | null;
  /** Who gets something else, or nothing (`null`). */
  readonly instead: ReadonlyMap<Connection, Frame | null> | null;
};

/** Something to do when all before it is told. */
export type Act = () => void;

const frameFor = ({ frame, except, instead }: Telling, receiver: Connection): Frame | null => {
  if (receiver === except) return null;
  const own = instead?.get(receiver);
  return own === undefined ? frame : own;
};

const tellAlone = (receiver: Connection, tellings: readonly Telling[]): void => {
  if (!receiver.isHere) return;
  const own = tellings.flatMap((telling) => frameFor(telling, receiver) ?? []);
  if (own.length > 0) receiver.socket.send(new Batch(own));
};

/** Tells the same people several things, one after the other. */
const deliverTogether = (receivers: readonly Connection[], tellings: readonly Telling[]): void => {
  if (receivers.length === 1) return tellAlone(receivers[0]!, tellings);
  // Most get all of it, in the same bytes.
  const shared = new Batch(tellings.map(({ frame }) => frame));
  const others = new Set<Connection>();
  for (const { except, instead } of tellings) {
    if (except !== null) others.add(except);
    if (instead !== null) for (const receiver of instead.keys()) others.add(receiver);
  }
  // For a thousand receivers a look into a set for each counts; mostly it is one, who wrote.
  const [only] = others;
  const isOther = (receiver: Connection): boolean => others.size > 1 && others.has(receiver);
  for (const receiver of receivers) {
    if (receiver === only || isOther(receiver)) tellAlone(receiver, tellings);
    else if (receiver.isHere) receiver.socket.send(shared);
  }
};

/** Does and tells everything, in order. Lists of receivers are the same if they are one array. */
export const deliver = (items: readonly (Telling | Act)[]): void => {
  let together: Telling[] = [];
  const tellThem = (): void => {
    if (together.length === 0) return;
    deliverTogether(together[0]!.receivers, together);
    together = [];
  };
  for (const item of items) {
    if (typeof item === "function") {
      tellThem();
      item();
      continue;
    }
    if (together.length > 0 && together[0]!.receivers !== item.receivers) tellThem();
    together.push(item);
  }
  tellThem();
};
