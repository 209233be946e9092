/** Sends a room's messages to their recipients: in order, and to each socket in as few writes as possible. */
import type { Connection } from "./connection.ts";
import { Batch } from "../../websocket/frame.ts";
import type { Frame } from "../../websocket/frame.ts";

/** A message with its recipients. */
export type OutgoingMessage = {
  readonly recipients: readonly Connection[];
  readonly frame: Frame;
  /** The recipient that gets nothing: the sender of what is forwarded. */
  readonly except: Connection | null;
  /** Recipients that get another message, or none (`null`). */
  readonly instead: ReadonlyMap<Connection, Frame | null> | null;
};

/** Something to do when all messages before it are sent. */
export type Action = () => void;

export type OnSlow = (recipient: Connection) => void;

const frameFor = ({ frame, except, instead }: OutgoingMessage, recipient: Connection): Frame | null => {
  if (recipient === except) return null;
  const own = instead?.get(recipient);
  return own === undefined ? frame : own;
};

const sendToOne = (recipient: Connection, messages: readonly OutgoingMessage[], onSlow: OnSlow): void => {
  if (!recipient.membership.isAttached) return;
  const frames = messages.flatMap((message) => frameFor(message, recipient) ?? []);
  if (frames.length > 0 && !recipient.socket.send(new Batch(frames))) onSlow(recipient);
};

/** Sends several messages with the same recipients. */
const sendTogether = (
  recipients: readonly Connection[],
  messages: readonly OutgoingMessage[],
  onSlow: OnSlow,
): void => {
  if (recipients.length === 1) return sendToOne(recipients[0]!, messages, onSlow);
  // Most get all of it, in the same bytes.
  const shared = new Batch(messages.map(({ frame }) => frame));
  const others = new Set<Connection>();
  for (const { except, instead } of messages) {
    if (except !== null) others.add(except);
    if (instead !== null) for (const recipient of instead.keys()) others.add(recipient);
  }
  // With a thousand recipients, looking each up in a set is noticeable; mostly there is one other, the sender.
  const [only] = others;
  const isOther = (recipient: Connection): boolean => others.size > 1 && others.has(recipient);
  for (const recipient of recipients) {
    if (recipient === only || isOther(recipient)) sendToOne(recipient, messages, onSlow);
    else if (recipient.membership.isAttached && !recipient.socket.send(shared)) onSlow(recipient);
  }
};

/**
 * Sends and does everything, in order. Lists of recipients are the same if they are one array.
 *
 * @param onSlow is called with each recipient that has much unread.
 */
export const deliver = (items: readonly (OutgoingMessage | Action)[], onSlow: OnSlow): void => {
  let together: OutgoingMessage[] = [];
  const sendGathered = (): void => {
    if (together.length === 0) return;
    sendTogether(together[0]!.recipients, together, onSlow);
    together = [];
  };
  for (const item of items) {
    if (typeof item === "function") {
      sendGathered();
      item();
      continue;
    }
    if (together.length > 0 && together[0]!.recipients !== item.recipients) sendGathered();
    together.push(item);
  }
  sendGathered();
};
