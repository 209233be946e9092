/**
 * Who is here, from the awareness states. Of a state only the fields that the relay sets are used: `user.id`,
 * `user.role`, `user.verified` and `user.name` (docs/SPEC.md, P3). Several tabs of one person are one entry.
 */
import type { Awareness } from "y-protocols/awareness";
import { cleanPersonName } from "../protocol/protocol.ts";
import type { Identity } from "../protocol/protocol.ts";
import { fieldsOf } from "../session/session.ts";
import { jsonEqual } from "./json-equal.ts";
import type { Participant } from "./room-state.ts";

/** Name shown for somebody who chose none. */
const NAMELESS = "Guest";

const collator = new Intl.Collator();

/** The person that an awareness state belongs to; `null` if the relay has not set it. */
export const readIdentity = (state: unknown): Identity | null => {
  const { id, name, role, verified } = fieldsOf(fieldsOf(state)["user"]);
  if (typeof id !== "string" || id === "") return null;
  return {
    id,
    name: cleanPersonName(name),
    role: role === "host" ? "host" : "participant",
    verified: verified === true,
  };
};

/** Of two connections of one person, a host's role and a verified name take precedence. */
const merge = (a: Identity, b: Identity): Identity => {
  const named = (!a.verified && b.verified) || a.name === "" ? b : a;
  return { ...named, role: a.role === "host" ? "host" : b.role };
};

/** Hosts first, then by name, then by id. */
const compare = (a: Participant, b: Participant): number => {
  if (a.role !== b.role) return a.role === "host" ? -1 : 1;
  return collator.compare(a.name, b.name) || (a.id < b.id ? -1 : 1);
};

/** The list that people see, hosts first; `me` is always in it. */
export const listParticipants = (others: Iterable<Identity>, me: Identity): Participant[] => {
  const byId = new Map<string, Identity>([[me.id, me]]);
  for (const person of others) {
    const known = byId.get(person.id);
    byId.set(person.id, known === undefined ? person : merge(known, person));
  }
  return [...byId.values()]
    .map((person) => ({ ...person, name: person.name || NAMELESS, self: person.id === me.id }))
    .toSorted(compare);
};

/** What an awareness `change` event reports, as awareness client ids. */
export type AwarenessChange = Readonly<Record<"added" | "updated" | "removed", readonly number[]>>;

/** Everybody else, read from their awareness states. Cursors move all the time, so only changed states are read. */
export class OtherParticipants {
  readonly #awareness: Awareness;
  readonly #byClientId = new Map<number, Identity>();

  constructor(awareness: Awareness) {
    this.#awareness = awareness;
  }

  /** One entry for each connection. */
  get identities(): Iterable<Identity> {
    return this.#byClientId.values();
  }

  /** Takes in an awareness change; false if nobody came, went or changed their identity. */
  handleChange({ added, updated, removed }: AwarenessChange): boolean {
    let hasChanged = false;
    for (const clientId of [...added, ...updated, ...removed]) {
      const isOwn = clientId === this.#awareness.clientID;
      const person = isOwn ? null : readIdentity(this.#awareness.getStates().get(clientId));
      if (person === null) hasChanged = this.#byClientId.delete(clientId) || hasChanged;
      else if (!jsonEqual(this.#byClientId.get(clientId), person)) {
        this.#byClientId.set(clientId, person);
        hasChanged = true;
      }
    }
    return hasChanged;
  }
}
