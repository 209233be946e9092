/** The commands of `session-room.v1` clients: who may give them, and how they are answered. */
import type {
  Command,
  EndCommand,
  RefusalCode,
  RenewCommand,
  SignedCount,
  StartCommand,
} from "../../src/protocol/protocol.ts";
import type { LifecycleEvent } from "../../src/session/lifecycle.ts";
import type { Authors } from "../guard/authors.ts";
import type { Connection } from "./connection/connection.ts";
import { sessionFrame } from "./connection/messages.ts";
import type { Outbox } from "./connection/outbox.ts";
import type { RoomSession } from "./session/room-session.ts";

/** What commands do to the room. */
export interface CommandRoom {
  apply(event: LifecycleEvent): void;
  /** Ends the run if its deadline has passed. */
  checkDeadline(): void;
  /** Notes how many commits of the room's content a client has seen. */
  prove(seen: SignedCount): void;
  /** Puts a connection into the live run. */
  enterRun(connection: Connection): void;
  /** Takes a connection out of the run; it stays in the room. */
  leaveRun(connection: Connection): void;
}

const REFUSALS: Readonly<Record<RefusalCode, string>> = {
  "not-a-host": "Only a host may do this.",
  "not-started": "The session has not started yet.",
  ended: "The session has ended.",
  "unknown-run": "The room has not reached this run.",
  "bad-token": "The new token is wrong or has expired.",
  "other-person": "The new token is for another person, room or role.",
};

export class Commands {
  readonly #room: CommandRoom;
  readonly #session: RoomSession;
  readonly #authors: Authors<Connection>;
  readonly #outbox: Outbox;

  constructor(room: CommandRoom, session: RoomSession, authors: Authors<Connection>, outbox: Outbox) {
    this.#room = room;
    this.#session = session;
    this.#authors = authors;
    this.#outbox = outbox;
  }

  receive(connection: Connection, command: Command): void {
    // A client sends commands only after the welcome, which holds its personal token.
    if (connection.keepIdentity()) this.#authors.rename(connection);
    switch (command.type) {
      case "join":
        return this.#answer(connection, command, this.#join(connection, command.seen));
      case "leave":
        this.#room.leaveRun(connection);
        return this.#answer(connection, command, null);
      case "start":
      case "end":
        return this.#answer(connection, command, this.#startOrEnd(connection, command));
      case "renew":
        return this.#renew(connection, command);
    }
  }

  #join(connection: Connection, seen?: SignedCount): RefusalCode | null {
    if (seen !== undefined) this.#room.prove(seen);
    if (connection.isHost) this.#room.apply({ type: "host-arrived" });
    else this.#room.checkDeadline();
    switch (this.#session.state.status) {
      case "waiting":
        return "not-started";
      case "ended":
        return "ended";
      case "live":
        this.#room.enterRun(connection);
        return null;
    }
  }

  #startOrEnd(connection: Connection, command: StartCommand | EndCommand): RefusalCode | null {
    if (!connection.isHost) return "not-a-host";
    if (command.run > this.#session.state.run) return "unknown-run";
    if (command.type === "end") {
      const by = { id: connection.identity.id, name: connection.presence.name };
      this.#room.apply({ type: "end-requested", run: command.run, reason: "host-ended", by });
      return null;
    }
    this.#room.apply({ type: "start-requested", run: command.run, hostPresent: true });
    // A host who starts a run is in it, also if another host's Start came first.
    return this.#join(connection);
  }

  #renew(connection: Connection, command: RenewCommand): void {
    void connection.credential.renew(command.token).then((refusal) => {
      if (refusal === null) this.#outbox.send(connection, sessionFrame(connection.credential.welcome));
      this.#answer(connection, command, refusal);
    });
  }

  #answer(connection: Connection, { id }: Command, refusal: RefusalCode | null): void {
    const message =
      refusal === null
        ? ({ type: "answer", id, ok: true, run: this.#session.state.run } as const)
        : ({ type: "answer", id, ok: false, code: refusal, message: REFUSALS[refusal] } as const);
    this.#outbox.send(connection, sessionFrame(message));
  }
}
