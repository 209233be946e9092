/**
 * The oracle of what the relay has admitted: a peer can encode its document, load it again, delete everything in it,
 * and is still notified of changes; and what the relay sends to a new client loads without anything left waiting.
 */
import * as decoding from "lib0/decoding";
import { WebSocket } from "ws";
import * as Y from "yjs";
import { MessageType, SyncStep, writeSyncStep1 } from "../../src/protocol/protocol.ts";

const ANSWER_MS = 15_000;
/** An answer may continue in Updates after its SyncStep2; what waits then must be complete after this time. */
const COMPLETE_MS = 3_000;

/** How deep values and types may be nested (docs/limits.md). */
export const DEPTH_BOUND = 256;
/** A root, or a value itself, may be counted as a level or not. */
const DEPTH_MOST = DEPTH_BOUND + 2;

/** Whether a value is nested deeper than the bound. Without recursion, since it may be much deeper. */
export const isTooDeep = (value: unknown): boolean => {
  let level: unknown[] = [value];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > DEPTH_MOST) return true;
    level = level.flatMap((each) =>
      typeof each === "object" && each !== null && !ArrayBuffer.isView(each) ? Object.values(each) : [],
    );
  }
  return false;
};

const valuesOf = (content: Y.Item["content"]): readonly unknown[] => {
  if (content instanceof Y.ContentAny || content instanceof Y.ContentJSON) return content.arr;
  if (content instanceof Y.ContentEmbed) return [content.embed];
  return content instanceof Y.ContentFormat ? [content.value] : [];
};

/** @returns what is nested too deep in a document; `null` if nothing is. */
const tooDeepIn = (doc: Y.Doc): string | null => {
  let level = [...doc.share.values()] as Y.AbstractType<unknown>[];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > DEPTH_MOST) return "types";
    const items: Y.Item[] = [];
    for (const { _start, _map } of level) {
      for (let item = _start; item !== null; item = item.right) if (!item.deleted) items.push(item);
      for (const item of _map.values()) if (!item.deleted) items.push(item);
    }
    if (items.some(({ content }) => valuesOf(content).some(isTooDeep))) return "values";
    level = items.flatMap(({ content }) => (content instanceof Y.ContentType ? [content.type] : []));
  }
  return null;
};

/** With types, as a page defines them. */
const typedDoc = (): Y.Doc => {
  const doc = new Y.Doc();
  doc.getText("text");
  doc.getMap("map");
  doc.getArray("array");
  doc.getXmlFragment("xml");
  return doc;
};

const pendingOf = ({ store }: Y.Doc): string | null => {
  const { pendingStructs, pendingDs } = store;
  if (pendingStructs === null && pendingDs === null) return null;
  return `structs that wait for ${JSON.stringify([...(pendingStructs?.missing ?? [])])}${pendingDs === null ? "" : " and deletes that wait"}`;
};

const deleteEverything = (doc: Y.Doc): void =>
  doc.transact((transaction) => {
    for (const type of doc.share.values()) {
      for (let item = type._start; item !== null; item = item.right) if (!item.deleted) item.delete(transaction);
      for (const item of type._map.values()) if (!item.deleted) item.delete(transaction);
    }
  });

/** @returns what does not hold of a document; `null` if everything does. */
export const checkRoundTrip = (doc: Y.Doc): string | null => {
  try {
    const tooDeep = tooDeepIn(doc);
    if (tooDeep !== null) return `has ${tooDeep} nested deeper than ${DEPTH_BOUND}`;
    const encoded = Y.encodeStateAsUpdate(doc);
    const copy = typedDoc();
    let events = 0;
    for (const type of copy.share.values()) type.observeDeep(() => events++);
    Y.applyUpdate(copy, encoded);
    const pending = pendingOf(copy);
    if (pending !== null) return `has in its copy ${pending}`;
    deleteEverything(copy);
    const left = [...copy.share.values()].some(
      ({ _start, _map }) => (_start !== null && !_start.deleted) || [..._map.values()].some(({ deleted }) => !deleted),
    );
    if (left) return "has content left after everything was deleted";
    Y.encodeStateAsUpdate(copy);
    events = 0;
    copy.getText("text").insert(0, "x");
    copy.getMap("map").set("key", "x");
    copy.getArray("array").push(["x"]);
    copy.getXmlFragment("xml").insert(0, [new Y.XmlText()]);
    return events === 4 ? null : `calls ${events} of 4 observers after everything was deleted`;
  } catch (error) {
    return `throws after it was encoded and loaded again: ${String((error as Error).stack)}`;
  }
};

/** Loads a room as a new stock client. @returns what does not hold; `null` if everything does. */
export const checkLoading = (url: string, room: string, token: string): Promise<string | null> =>
  new Promise((resolve) => {
    const doc = typedDoc();
    const socket = new WebSocket(`${url}/${encodeURIComponent(room)}?token=${token}`);
    const finish = (outcome: string | null): void => {
      clearTimeout(timer);
      resolve(outcome);
      socket.removeAllListeners("close").removeAllListeners("message");
      socket.close();
    };
    let timer = setTimeout(() => finish(`got no SyncStep2 within ${ANSWER_MS} ms`), ANSWER_MS);
    let isAnswered = false;
    socket.on("error", () => {});
    socket.on("open", () => socket.send(writeSyncStep1(Uint8Array.of(0))));
    socket.on("close", (code, reason) => finish(`was closed with ${code} "${reason.toString()}"`));
    socket.on("message", (data: Buffer) => {
      const decoder = decoding.createDecoder(new Uint8Array(data));
      if (decoding.readVarUint(decoder) !== MessageType.sync) return;
      const step = decoding.readVarUint(decoder);
      if (step === SyncStep.step1) return;
      try {
        Y.applyUpdate(doc, decoding.readVarUint8Array(decoder));
      } catch (error) {
        return finish(`throws at what the relay sends: ${String((error as Error).stack)}`);
      }
      if (step === SyncStep.step2 && !isAnswered) {
        isAnswered = true;
        clearTimeout(timer);
        timer = setTimeout(() => finish(`has ${pendingOf(doc)}`), COMPLETE_MS);
      }
      if (isAnswered && pendingOf(doc) === null) finish(checkRoundTrip(doc));
    });
  });
