/**
 * Who is here, from the awareness states. Of a state only what the relay has set is used: `user.id`,
 * `user.role`, `user.verified` and `user.name` (docs/SPEC.md, P3). Several tabs are one person.
 */
import type { Awareness } from "y-protocols/awareness";
import { cleanPersonName } from "../protocol/protocol.ts";
import type { Identity } from "../protocol/protocol.ts";
import type { Participant } from "./room-state.ts";
import { jsonEqual } from "./json-equal.ts";
import { fieldsOf } from "../session/session.ts";

/** Name shown for somebody who chose none. */
const NAMELESS = "Guest";

const collator = new Intl.Collator();

/** The person behind an awareness state; `null` if the relay has not said who it is. */
export const readPerson = (state: unknown): Identity | null => {
  const { id, name, role, verified } = fieldsOf(fieldsOf(state)["user"]);
  if (typeof id !== "string" || id === "") return null;
  return {
    id,
    name: cleanPersonName(name),
    role: role === "host" ? "host" : "participant",
    verified: verified === true,
  };
};

/** Of two connections of one person: a host's role counts, and a token's name before a chosen one. */
const merge = (a: Identity, b: Identity): Identity => {
  const named = (!a.verified && b.verified) || a.name === "" ? b : a;
  return { ...named, role: a.role === "host" ? "host" : b.role };
};

/** Hosts first, then by name; `me` is always among them. */
export const listPeople = (others: Iterable<Identity>, me: Identity): Participant[] => {
  const people = new Map<string, Identity>([[me.id, me]]);
  for (const person of others) {
    const known = people.get(person.id);
    people.set(person.id, known === undefined ? person : merge(known, person));
  }
  return [...people.values()]
    .map((person) => ({ ...person, name: person.name || NAMELESS, self: person.id === me.id }))
    .toSorted(
      (a, b) =>
        // The names of the two roles happen to stand in the order of the list.
        collator.compare(a.role, b.role) || collator.compare(a.name, b.name) || (a.id < b.id ? -1 : 1),
    );
};

/** What an awareness `change` event says has changed, as awareness client ids. */
export type AwarenessChange = Readonly<Record<"added" | "updated" | "removed", readonly number[]>>;

export type Others = {
  /** Takes a change in; false if it changed nobody's name or presence. */
  take(change: AwarenessChange): boolean;
  readonly people: Iterable<Identity>;
};

/** Everybody else's states as persons. Cursors move all the time: only changed states are read again. */
export const othersIn = (awareness: Awareness): Others => {
  const people = new Map<number, Identity>();
  return {
    take({ added, updated, removed }) {
      let changed = false;
      for (const clientId of [...added, ...updated, ...removed]) {
        const own = clientId === awareness.clientID;
        const person = own ? null : readPerson(awareness.getStates().get(clientId));
        if (person === null) changed = people.delete(clientId) || changed;
        else if (!jsonEqual(people.get(clientId), person)) {
          people.set(clientId, person);
          changed = true;
        }
      }
      return changed;
    },
    get people() {
      return people.values();
    },
  };
};
