/** A client that follows the protocol: edits, moves its cursor, and checks that attackers do not affect it. */
import { isDeepStrictEqual } from "node:util";
import type { Awareness } from "y-protocols/awareness";
import * as Y from "yjs";
import { readSession } from "../../src/session/session.ts";
import type { Role, Session } from "../../src/session/session.ts";
import { applyEdit } from "../sync-server/guard/arbitrary-edits.ts";
import type { Edit } from "../sync-server/guard/arbitrary-edits.ts";
import type { ClientConnection, ConnectionFactory } from "./client-connection.ts";
import type { FuzzedRelay } from "./fuzzed-relay.ts";
import { isTooDeep } from "./round-trip.ts";
import type { Statistics } from "./statistics.ts";

/** Without `sub`: an invited guest. */
export type Person = { readonly role: Role; readonly sub?: string; readonly name: string };

export class HonestClient {
  readonly person: Person;
  readonly doc = new Y.Doc();
  readonly #connection: ClientConnection;
  readonly #statistics: Statistics;
  #session: Session | null = null;
  #textEvents = 0;
  /** Whether it is disconnected on purpose. */
  #isOffline = true;

  private constructor(
    person: Person,
    createConnection: ConnectionFactory,
    relay: FuzzedRelay,
    room: string,
    token: string,
    statistics: Statistics,
  ) {
    this.person = person;
    this.#statistics = statistics;
    this.#connection = createConnection(relay.url.replace("http", "ws"), room, token, this.doc, (code, reason) => {
      if (!this.#isOffline) this.#reportViolation(`was closed with ${code} "${reason}"`);
    });
    // With types, as a page defines them: Yjs does more with a typed root than with an untyped one.
    this.doc.getText("text").observe(() => this.#textEvents++);
    this.doc.getMap("map");
    this.doc.getArray("array");
    this.doc.getXmlFragment("xml");
    this.doc.on("afterTransaction", () => this.#checkSession());
    this.#connection.awareness.setLocalState({ user: { name: person.name }, cursor: null });
  }

  static async create(
    person: Person,
    createConnection: ConnectionFactory,
    relay: FuzzedRelay,
    room: string,
    statistics: Statistics,
  ): Promise<HonestClient> {
    const { role, sub, name } = person;
    const token = await relay.token({ room, role, ...(sub === undefined ? {} : { sub, name }) });
    return new HonestClient(person, createConnection, relay, room, token, statistics);
  }

  get clientId(): number {
    return this.doc.clientID;
  }

  get session(): Session | null {
    return this.#session;
  }

  get awareness(): Awareness {
    return this.#connection.awareness;
  }

  get isOnline(): boolean {
    return this.#connection.isOnline;
  }

  get isOffline(): boolean {
    return this.#isOffline;
  }

  #reportViolation(what: string): void {
    this.#statistics.reportViolation(`${this.person.name} ${what}`);
  }

  /** Once live, the session must not change: nobody ends it here. */
  #checkSession(): void {
    const session = readSession(this.doc);
    if (this.#session?.status === "live" && !isDeepStrictEqual(session, this.#session)) {
      this.#reportViolation(
        `read a wrong session: ${JSON.stringify(session)} instead of ${JSON.stringify(this.#session)}`,
      );
    }
    if (session !== null) this.#session = session;
  }

  connect(): void {
    this.#isOffline = false;
    this.#connection.connect();
  }

  disconnect(): void {
    this.#isOffline = true;
    // Disconnected guests with stock clients share their client ids (docs/guard.md); all others keep theirs.
    const isKnown = this.person.sub !== undefined;
    if (isKnown && this.doc.clientID !== this.#connection.awareness.clientID) {
      this.#reportViolation("lost its client id: somebody else has written with it");
    }
    this.#connection.disconnect();
  }

  destroy(): void {
    this.disconnect();
    this.#connection.awareness.destroy();
    this.doc.destroy();
  }

  edit(edit: Edit): void {
    const eventsBefore = this.#textEvents;
    try {
      applyEdit(this.doc, edit);
      // Yjs stops calling observers of a document after an exception in the clean-up of a transaction.
      if (edit.type === "insert" && this.#textEvents === eventsBefore)
        this.#reportViolation("was not notified of its own insertion");
    } catch (error) {
      this.#reportViolation(`could not edit (${JSON.stringify(edit)}): ${String((error as Error).stack)}`);
    }
  }

  moveCursor(anchor: number): void {
    this.#connection.awareness.setLocalStateField("cursor", { anchor, head: anchor });
  }

  /** Checks the awareness states of others. @param people the honest clients by client id. */
  checkPresence(people: ReadonlyMap<number, Person>): void {
    for (const [clientId, state] of this.#connection.awareness.getStates()) {
      if (clientId === this.clientId) continue;
      if (isTooDeep(state)) this.#reportViolation("saw an awareness state that is nested too deep");
      const user = (state["user"] ?? {}) as Record<string, unknown>;
      const person = people.get(clientId);
      const isHost = [...people.values()].some(({ role, sub }) => role === "host" && sub === user["id"]);
      if (user["role"] === "host" && !isHost) this.#reportViolation(`saw a forged host: ${JSON.stringify(user)}`);
      if (person === undefined) continue;
      const isCorrect =
        user["role"] === person.role &&
        user["name"] === person.name &&
        user["verified"] === (person.sub !== undefined) &&
        (person.sub === undefined || user["id"] === person.sub);
      if (!isCorrect) this.#reportViolation(`saw ${person.name} as ${JSON.stringify(user)}`);
    }
  }
}
