/**
 * The Yjs client id that a page writes under. The relay reserves such an id for one person (docs/SPEC.md, G8
 * and G9), so a page that returns as somebody else has to continue under a new one (P11).
 */
import type { Awareness } from "y-protocols/awareness";
import * as Y from "yjs";

type Author = {
  /** Id of the person that the page writes as. */
  person: string;
  /** Client ids under which the page wrote as somebody else. */
  readonly formerClientIds: number[];
};

/** Kept by the document, since a page may continue with it in another room client. */
const authors = new WeakMap<Y.Doc, Author>();

/** Notes whom the relay identifies the page as. If that is somebody else than before, it gets a new client id. */
export const writeAs = (person: string, awareness: Awareness): void => {
  const { doc } = awareness;
  const author = authors.get(doc);
  if (author === undefined) {
    authors.set(doc, { person, formerClientIds: [] });
    return;
  }
  if (author.person === person) return;
  author.person = person;
  author.formerClientIds.push(doc.clientID);
  const state = awareness.getLocalState();
  // A connection has one state, and the relay may have accepted the one under the former id.
  awareness.setLocalState(null);
  doc.clientID = awareness.clientID = new Y.Doc().clientID;
  awareness.setLocalState(state);
};

/** Whether a peer with this state vector lacks something that the page wrote as somebody else. */
export const lacksFormerEdits = (doc: Y.Doc, stateVector: ReadonlyMap<number, number>): boolean =>
  authors.get(doc)?.formerClientIds.some((id) => (stateVector.get(id) ?? 0) < Y.getState(doc.store, id)) ?? false;
