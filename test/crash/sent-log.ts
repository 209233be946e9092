/** Records everything that the relay has sent about one room, and checks what it sends and stores later against that. */
import { isDeepStrictEqual } from "node:util";
import type { Answer, Command } from "../../src/protocol/protocol.ts";
import type { Session } from "../../src/session/session.ts";

/** Reports that a rule of docs/SPEC.md was violated, and how. */
type ReportViolation = (rule: string, what: string) => void;

/** Sessions only advance: waiting, live 1, ended 1, live 2, …; this is the index in that order. */
const stageOf = ({ run, status }: Pick<Session, "run" | "status">): number => 2 * run + (status === "ended" ? 1 : 0);

export class SentLog {
  readonly #room: string;
  readonly #reportViolation: ReportViolation;
  /** The session as it was first sent, by stage. */
  readonly #sessions = new Map<number, Session>();
  /** The last stage that was sent to each client. */
  readonly #lastStages = new Map<string, number>();
  #ledgerId: number | null = null;
  /** The furthest stage sent to anybody, including by an answer to a command. */
  #furthest = 0;
  /** For each Yjs client id, the clock up to which its content was sent to others than its owner. */
  readonly #content = new Map<number, number>();

  constructor(room: string, complain: ReportViolation) {
    this.#room = room;
    this.#reportViolation = complain;
  }

  /** A client has received this session. */
  recordSession(who: string, session: Session): void {
    const stage = stageOf(session);
    const before = this.#lastStages.get(who) ?? 0;
    if (stage < before)
      this.#reportViolation("R1", `${this.#room}: ${who} received stage ${before}, then ${JSON.stringify(session)}`);
    this.#lastStages.set(who, stage);
    const known = this.#sessions.get(stage);
    if (known === undefined) this.#sessions.set(stage, session);
    else if (!isDeepStrictEqual(known, session)) {
      const both = `${JSON.stringify(known)} and ${JSON.stringify(session)}`;
      this.#reportViolation("R1", `${this.#room}: two sessions were sent for one stage: ${both}`);
    }
    this.#furthest = Math.max(this.#furthest, stage);
  }

  recordLedgerId(ledgerId: number): void {
    this.#ledgerId ??= ledgerId;
    if (ledgerId !== this.#ledgerId) {
      this.#reportViolation("S4", `${this.#room}: the ledger's id was ${this.#ledgerId}, and is ${ledgerId}`);
    }
  }

  recordAnswer(command: Command, answer: Answer): void {
    if (!answer.ok || (command.type !== "start" && command.type !== "end")) return;
    // An End of an earlier run has no effect but is answered too.
    const stage = 2 * answer.run + (command.type === "end" && command.run === answer.run && answer.run > 0 ? 1 : 0);
    this.#furthest = Math.max(this.#furthest, stage);
  }

  /** A client's document contains this: the relay has sent all of it that is by others. */
  recordContent(stateVector: ReadonlyMap<number, number>, ownId: number): void {
    for (const [client, clock] of stateVector) {
      if (client !== ownId) this.#content.set(client, Math.max(this.#content.get(client) ?? 0, clock));
    }
  }

  /** Checks the session that a restarted relay reports. */
  checkSession(session: Pick<Session, "run" | "status">): void {
    const stage = stageOf(session);
    if (stage < this.#furthest) {
      this.#reportViolation(
        "R1",
        `${this.#room}: stage ${this.#furthest} was sent, now it is ${JSON.stringify(session)}`,
      );
    }
  }

  /** Checks the document of a new client, which a restarted relay has sent all its content. */
  checkContent(stateVector: ReadonlyMap<number, number>): void {
    for (const [client, clock] of this.#content) {
      const found = stateVector.get(client) ?? 0;
      if (found < clock)
        this.#reportViolation(
          "R2",
          `${this.#room}: of client ${client}, content up to clock ${clock} was sent, and only ${found} is stored`,
        );
    }
  }
}
