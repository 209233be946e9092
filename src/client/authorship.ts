/**
 * Under which Yjs client id a page writes. To the relay such an id belongs to a person (docs/SPEC.md, G8
 * and G9), so a page that comes back as somebody else must go on under a fresh one (P11).
 */
import type { Awareness } from "y-protocols/awareness";
import * as Y from "yjs";

/**
 * Who the page is that writes into a document, and the client ids under which it did as somebody else. Kept
 * by the document, since a page may go on with it in another `Room`.
 */
const authors = new WeakMap<Y.Doc, { person: string; readonly former: number[] }>();

/** Takes note of whom the relay holds the page to be; as somebody else than before, it gets a fresh client id. */
export const writeAs = (person: string, awareness: Awareness): void => {
  const { doc } = awareness;
  const author = authors.get(doc);
  if (author === undefined) authors.set(doc, { person, former: [] });
  else if (author.person !== person) {
    author.person = person;
    author.former.push(doc.clientID);
    const state = awareness.getLocalState();
    // One state a connection, and the relay may have taken the one under the former id.
    awareness.setLocalState(null);
    doc.clientID = awareness.clientID = new Y.Doc().clientID;
    awareness.setLocalState(state);
  }
};

/** Whether somebody who holds this much of a document lacks something that its page wrote as somebody else. */
export const lacksFormer = (doc: Y.Doc, held: ReadonlyMap<number, number>): boolean | undefined =>
  authors.get(doc)?.former.some((id) => (held.get(id) ?? 0) < Y.getState(doc.store, id));
