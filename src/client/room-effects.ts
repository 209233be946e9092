/** Executes the effects that the reducer decides on. What comes of them is dispatched as events. */
import type { SignedCount } from "../protocol/protocol.ts";
import type { LocalPresence } from "./local-presence.ts";
import { blockedAddressError } from "./room-errors.ts";
import type { RoomEffect, RoomEvent } from "./room-model.ts";
import type { RoomProvider } from "./room-provider.ts";
import { RoomError } from "./room-state.ts";
import type { RoomTokens } from "./room-tokens.ts";
import type { Outcome, SentCommands } from "./sent-commands.ts";

export type EffectTargets = {
  readonly connection: RoomProvider;
  readonly commands: SentCommands;
  readonly tokens: RoomTokens;
  readonly presence: LocalPresence;
  /** The newest signed count of the room's commits. */
  readonly content: { readonly seen: SignedCount | null };
  readonly rejectReady: (error: RoomError) => void;
};

export class EffectRunner {
  readonly #targets: EffectTargets;
  readonly #dispatch: (event: RoomEvent) => void;
  #lastJoin: Promise<Outcome> | undefined;
  #lastLeave: Promise<Outcome> | undefined;

  constructor(targets: EffectTargets, dispatch: (event: RoomEvent) => void) {
    this.#targets = targets;
    this.#dispatch = dispatch;
  }

  /** The outcome of the last `join`; `undefined` if none was sent. */
  get lastJoin(): Promise<Outcome> | undefined {
    return this.#lastJoin;
  }

  /** The outcome of the last `leave`; `undefined` if none was sent. */
  get lastLeave(): Promise<Outcome> | undefined {
    return this.#lastLeave;
  }

  execute(effect: RoomEffect): void {
    const { connection, commands, tokens, presence, rejectReady } = this.#targets;
    switch (effect.type) {
      case "connect":
        return this.#connect();
      case "disconnect":
        return connection.disconnect();
      case "reconnect":
        return connection.reconnect();
      case "drop-personal-token":
        return tokens.dropPersonal();
      case "request-token":
        return void this.#requestToken(effect.refusal);
      case "reject-commands":
        return commands.rejectAll(effect.error);
      case "send-join":
        return this.#sendJoin(effect.attempt);
      case "send-leave":
        return this.#sendLeave();
      case "check-former-edits":
        return this.#checkFormerEdits();
      case "request-document":
        return connection.requestDocument();
      case "mark-unsynced":
        return connection.markUnsynced();
      case "show-presence":
        return presence.show();
      case "hide-presence":
        return presence.hide();
      case "forget-others":
        return connection.forgetOthers();
      case "give-up":
        tokens.stop();
        commands.rejectAll(effect.error);
        rejectReady(effect.error);
        return connection.disconnect();
      default:
        // Makes the compiler check that no effect is missing.
        return effect satisfies never;
    }
  }

  #connect(): void {
    try {
      this.#targets.connection.connect();
    } catch {
      this.#dispatch({ type: "failed", error: blockedAddressError() });
    }
  }

  async #requestToken(refusal: RoomError): Promise<void> {
    const isRenewed = await this.#targets.tokens.request();
    this.#dispatch(isRenewed ? { type: "token-renewed" } : { type: "token-unavailable", refusal });
  }

  #sendJoin(attempt: number): void {
    const { commands, content } = this.#targets;
    const proof = content.seen === null ? {} : { seen: content.seen };
    this.#lastJoin = commands.send({ type: "join", ...proof }, (outcome) => {
      if (outcome instanceof RoomError) this.#dispatch({ type: "join-unanswered" });
      else if (outcome.ok) this.#dispatch({ type: "join-accepted", attempt, run: outcome.run });
      else this.#dispatch({ type: "join-refused", attempt, code: outcome.code });
    });
  }

  #sendLeave(): void {
    this.#lastLeave = this.#targets.commands.send({ type: "leave" }, (outcome) =>
      this.#dispatch({ type: outcome instanceof RoomError ? "leave-unanswered" : "leave-answered" }),
    );
  }

  /** A second `join` changes nothing, but before it is answered the relay requests the document once more. */
  #checkFormerEdits(): void {
    void this.#targets.commands.send({ type: "join" }, (outcome) => {
      if (!(outcome instanceof RoomError) && outcome.ok) this.#dispatch({ type: "former-edits-checked" });
    });
  }
}
