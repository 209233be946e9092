/** What anybody was ever told about one room, held against what is said of it later. */
import { isDeepStrictEqual } from "node:util";
import type { Answer, Command } from "../../src/protocol/protocol.ts";
import type { Session } from "../../src/session/session.ts";

/** A rule of docs/SPEC.md that was broken, and how. */
export type Complain = (rule: string, what: string) => void;

/** A session goes one way: waiting, live 1, ended 1, live 2, …; this is how far it is. */
const stageOf = ({ run, status }: Pick<Session, "run" | "status">): number => 2 * run + (status === "ended" ? 1 : 0);

export class Testimony {
  readonly #room: string;
  readonly #complain: Complain;
  /** The session as it was first told, by stage. */
  readonly #sessions = new Map<number, Session>();
  /** The last stage that each listener was told. */
  readonly #heard = new Map<string, number>();
  #ledgerId: number | null = null;
  /** The furthest stage that anybody was told, also by an answer to a command. */
  #furthest = 0;
  /** For each Yjs client id, how far others than its owner were told. */
  readonly #content = new Map<number, number>();

  constructor(room: string, complain: Complain) {
    this.#room = room;
    this.#complain = complain;
  }

  /** Somebody read this session. */
  heardSession(who: string, session: Session): void {
    const stage = stageOf(session);
    const before = this.#heard.get(who) ?? 0;
    if (stage < before)
      this.#complain("R1", `${this.#room}: ${who} was told ${before}, then ${JSON.stringify(session)}`);
    this.#heard.set(who, stage);
    const known = this.#sessions.get(stage);
    if (known === undefined) this.#sessions.set(stage, session);
    else if (!isDeepStrictEqual(known, session)) {
      const both = `${JSON.stringify(known)} and ${JSON.stringify(session)}`;
      this.#complain("R1", `${this.#room}: two sessions were told for one stage: ${both}`);
    }
    this.#furthest = Math.max(this.#furthest, stage);
  }

  heardLedgerId(ledgerId: number): void {
    this.#ledgerId ??= ledgerId;
    if (ledgerId !== this.#ledgerId) {
      this.#complain("S4", `${this.#room}: the ledger's id was ${this.#ledgerId}, and is ${ledgerId}`);
    }
  }

  heardAnswer(command: Command, answer: Answer): void {
    if (!answer.ok || (command.type !== "start" && command.type !== "end")) return;
    // An End of an earlier run changes nothing and is answered all the same.
    const stage = 2 * answer.run + (command.type === "end" && command.run === answer.run && answer.run > 0 ? 1 : 0);
    this.#furthest = Math.max(this.#furthest, stage);
  }

  /** Somebody's document holds this of the others' content: the relay has told it. */
  heardContent(stateVector: ReadonlyMap<number, number>, ownId: number): void {
    for (const [client, clock] of stateVector) {
      if (client !== ownId) this.#content.set(client, Math.max(this.#content.get(client) ?? 0, clock));
    }
  }

  /** A relay that has just started says this. */
  checkSession(session: Pick<Session, "run" | "status">): void {
    const stage = stageOf(session);
    if (stage < this.#furthest) {
      this.#complain("R1", `${this.#room}: stage ${this.#furthest} was told, now it is ${JSON.stringify(session)}`);
    }
  }

  /** Somebody new, to whom a relay that has just started gave all that it has, holds this. */
  checkContent(stateVector: ReadonlyMap<number, number>): void {
    for (const [client, clock] of this.#content) {
      const found = stateVector.get(client) ?? 0;
      if (found < clock) this.#complain("R2", `${this.#room}: of ${client}, ${clock} were told, and ${found} are left`);
    }
  }
}
