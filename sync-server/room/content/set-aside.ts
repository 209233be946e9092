/** Has a room's content set aside in the store, and says so to everybody who is connected or connects later. */
import { CloseCode } from "../../../src/protocol/close-codes.ts";
import type { Connection } from "../connection/connection.ts";
import { sessionFrame } from "../connection/messages.ts";
import type { Outbox } from "../connection/outbox.ts";

export type SetAsideOptions = {
  /** The room's name. */
  readonly room: string;
  readonly connections: ReadonlySet<Connection>;
  readonly outbox: Outbox;
  readonly close: (connection: Connection, code: CloseCode, reason: string) => void;
};

export class SetAside {
  readonly #options: SetAsideOptions;

  constructor(options: SetAsideOptions) {
    this.#options = options;
  }

  begin(): void {
    const { outbox, connections, room } = this.#options;
    outbox.store({ type: "set-content-aside", room });
    for (const connection of connections) this.note(connection);
  }

  /** Closes a stock client once it was sent the session; the others stay, for the session alone. */
  note(connection: Connection): void {
    const { outbox, close } = this.#options;
    if (connection.speaksSession) return outbox.send(connection, sessionFrame({ type: "content-set-aside" }));
    outbox.afterCommit(() => {
      const reason = "the content of this room failed and is set aside";
      if (connection.membership.isAttached) close(connection, CloseCode.contentSetAside, reason);
    });
  }
}
