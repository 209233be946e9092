/**
 * The room client: one person's access to a hosted session, without any framework. It feeds the reducer with
 * what happens on the connection, in the document and in the browser, and publishes the state that follows. Above 300
 * lines, since it is the public class with its documentation.
 */
import type { Awareness } from "y-protocols/awareness";
import type { WebsocketProvider } from "y-websocket";
import * as Y from "yjs";
import { backgroundTimers } from "../clock.ts";
import type { Timers } from "../clock.ts";
import type { RelayMessage } from "../protocol/protocol.ts";
import { SESSION_ROOT } from "../session/session.ts";
import { lacksFormerEdits, writeAs } from "./authorship.ts";
import { ContentStatus } from "./content-status.ts";
import type { RefusalListener } from "./content-status.ts";
import { LedgerCopy } from "./ledger-copy.ts";
import { LocalPresence } from "./local-presence.ts";
import { ObservableState } from "./observable-state.ts";
import type { StateListener } from "./observable-state.ts";
import { OtherParticipants } from "./participants.ts";
import type { AwarenessChange } from "./participants.ts";
import { quietPromise } from "./quiet-promise.ts";
import { checkRoomName, checkToken, toRelayUrl } from "./relay-address.ts";
import { EffectRunner } from "./room-effects.ts";
import { closeError, disconnectedError } from "./room-errors.ts";
import { INITIAL_MODEL } from "./room-model.ts";
import type { RoomEvent, RoomModel } from "./room-model.ts";
import { checkDocument } from "./room-options.ts";
import type { RoomClientOptions } from "./room-options.ts";
import { RoomProvider } from "./room-provider.ts";
import { reduceRoom } from "./room-reducer.ts";
import { RoomError } from "./room-state.ts";
import type { RoomState } from "./room-state.ts";
import { RoomTokens } from "./room-tokens.ts";
import { stateOf } from "./room-view.ts";
import { acceptedRun, SentCommands } from "./sent-commands.ts";

/** How long a person who leaves waits for what they wrote to be saved, in ms. */
const SAVING_TIMEOUT_MS = 3_000;

/**
 * A hosted session on a shared Yjs document. `session-room` exports this class as `Room`.
 *
 * @example
 * import { Room } from "session-room";
 *
 * // The links of the relay end in ?room=…#token=…
 * const url = new URL(location.href);
 * const room = new Room({
 *   relay: "http://localhost:1234",
 *   room: url.searchParams.get("room"),
 *   token: new URLSearchParams(url.hash.slice(1)).get("token"),
 *   displayName: "Ann",
 * });
 * room.subscribe(({ screen }) => console.log(screen.name));
 * room.join();
 * await room.ready;
 * room.doc.getText("notes").insert(0, "Hello");
 */
export class RoomClient {
  readonly doc: Y.Doc;
  readonly awareness: Awareness;
  readonly provider: WebsocketProvider;
  /** Resolves when the person is in the session and has its document for the first time; rejects with a RoomError. */
  readonly ready: Promise<void>;

  readonly #clock: Timers;
  readonly #connection: RoomProvider;
  readonly #content: ContentStatus;
  readonly #ledger: LedgerCopy;
  readonly #commands: SentCommands;
  readonly #tokens: RoomTokens;
  readonly #presence: LocalPresence;
  readonly #others: OtherParticipants;
  readonly #effects: EffectRunner;
  readonly #state = new ObservableState();
  readonly #ready = quietPromise<void>();
  /** Aborted by `destroy`. */
  readonly #lifetime = new AbortController();

  #model: RoomModel = INITIAL_MODEL;
  /** Events that happened while the effects of another one are executed. */
  readonly #queue: RoomEvent[] = [];
  #isDispatching = false;

  /** Connects to nothing yet. @throws RoomError `bad-settings`. */
  constructor(options: RoomClientOptions) {
    const { relay, room, token, doc = new Y.Doc(), displayName = "" } = options;
    const { clock = backgroundTimers, WebSocketPolyfill } = options;
    const relayUrl = toRelayUrl(relay);
    checkRoomName(room);
    checkToken(token);
    checkDocument(doc);
    this.#ledger = new LedgerCopy(doc);
    this.#content = new ContentStatus(doc, () => this.#update());
    const connection = new RoomProvider(
      { relayUrl, room, doc, clock, WebSocketPolyfill },
      {
        onMessage: (message) => this.#onMessage(message),
        onUpdate: (update) => this.#ledger.take(update),
        onDocument: (isSession) => this.#onDocument(isSession),
        onDocumentFailed: () => this.#content.documentFailed(),
        onSyncSent: (isComplete, update) => this.#content.syncSent(isComplete, update),
        onChangedOffline: () => this.#content.changedOffline(),
        onDocumentRequested: (stateVector) =>
          this.#dispatch({ type: "document-requested", lacksFormerEdits: lacksFormerEdits(doc, stateVector) }),
        onSynced: () => this.#onSynced(),
        onDisconnected: () => this.#onDisconnected(),
        onRefused: (closeCode, reason) => this.#onRefused(closeError(closeCode, reason)),
      },
    );
    this.#clock = clock;
    this.doc = doc;
    this.provider = connection.websocketProvider;
    this.awareness = connection.awareness;
    this.ready = this.#ready.promise;
    this.#connection = connection;
    this.#commands = new SentCommands(clock, (command) => connection.sendCommand(command));
    this.#tokens = new RoomTokens(relayUrl, options, clock, {
      onChanged: (current, former) => connection.useTokens(current, former),
      onRenewed: (newer) => this.#onTokenRenewed(newer),
    });
    this.#presence = new LocalPresence(this.awareness, displayName);
    this.#others = new OtherParticipants(this.awareness);
    this.#effects = new EffectRunner(
      {
        connection,
        commands: this.#commands,
        tokens: this.#tokens,
        presence: this.#presence,
        content: this.#content,
        rejectReady: this.#ready.reject,
      },
      (event) => this.#dispatch(event),
    );
    this.#listen();
    // The document may hold something unsaved already.
    this.#update();
  }

  /** What to show: a new object at each change. */
  get state(): RoomState {
    return this.#state.current;
  }

  /** Calls `listener` at each change of `state`; returns a function that ends that. */
  subscribe(listener: StateListener): () => void {
    return this.#state.subscribe(listener);
  }

  /** Calls `listener` when something of this page's is refused for good; returns a function that ends that. */
  onRefused(listener: RefusalListener): () => void {
    return this.#content.onRefused(listener);
  }

  /** The chosen name, trimmed and at most 80 characters; others see it unless the token has a name. */
  get displayName(): string {
    return this.#presence.displayName;
  }

  set displayName(name: string) {
    this.#presence.displayName = name;
    this.#update();
  }

  /** Connects, and comes in as soon as the session allows it. */
  join(): void {
    this.#dispatch({ type: "join-requested" });
  }

  /** Leaves the session, once everything is saved or a few seconds have passed; `state.unsaved` says which. */
  async leave(): Promise<void> {
    if (this.#isOnline && this.#model.inside && this.state.unsaved) {
      const isDone = ({ unsaved, connection }: RoomState): boolean => !unsaved || connection !== "online";
      await this.#state.until(isDone, SAVING_TIMEOUT_MS, this.#clock);
    }
    const wasOnline = this.#isOnline;
    this.#dispatch({ type: "leave-requested" });
    if (wasOnline) await this.#effects.lastLeave;
  }

  /**
   * Comes in again, after leaving or once a new run is live after an end. Resolves when in, or at once while there
   * is nothing to come into.
   *
   * @throws RoomError `disconnected` (the person comes in as soon as there is a connection) or `refused`.
   */
  async rejoin(): Promise<void> {
    this.join();
    const { error, join } = this.#model;
    if (error !== null) throw error;
    if (!this.#isOnline) throw disconnectedError();
    const { lastJoin } = this.#effects;
    if (join === null || join.isRefused || lastJoin === undefined) return;
    acceptedRun(await lastJoin);
  }

  /** Ends the run that this page shows, for everyone. @throws RoomError `refused` or `disconnected`. */
  async end(): Promise<void> {
    await this.#command("end");
  }

  /** Starts a new run and comes in. @throws RoomError `refused` or `disconnected`. */
  async start(): Promise<void> {
    this.#dispatch({ type: "start-accepted", run: await this.#command("start") });
  }

  /** Disconnects at once, for a page that goes away (`pagehide`, `freeze`). */
  suspend(): void {
    this.#dispatch({ type: "suspended" });
  }

  /** Connects again when the page is back (a persisted `pageshow`, `resume`). */
  resume(): void {
    this.#dispatch({ type: "resumed" });
  }

  /** Ends everything that this client keeps running. The document belongs to the page and stays. */
  destroy(): void {
    this.#lifetime.abort();
    this.#tokens.stop();
    this.#state.unsubscribeAll();
    this.#dispatch({ type: "destroyed" });
    this.#connection.destroy();
    this.#commands.rejectAll(disconnectedError());
    this.#ready.reject(disconnectedError());
  }

  get #isOnline(): boolean {
    return this.#model.connection === "online";
  }

  #listen(): void {
    const { signal } = this.#lifetime;
    const map = this.doc.getMap(SESSION_ROOT);
    const onSession = (): void => this.#dispatch({ type: "session-changed", session: this.#ledger.read() });
    map.observe(onSession);
    signal.addEventListener("abort", () => map.unobserve(onSession));

    this.awareness.on("change", (change: AwarenessChange) => {
      const isRenamed = this.#presence.handleChange(change);
      if (this.#others.handleChange(change) || isRenamed) this.#update();
    });

    if (typeof window === "undefined") return;
    window.addEventListener("offline", () => this.#dispatch({ type: "network-lost" }), { signal });
    window.addEventListener("online", () => this.#dispatch({ type: "network-returned" }), { signal });
  }

  #onMessage(message: RelayMessage): void {
    if (this.#content.receive(message)) return;
    if (message.type === "answer") return this.#commands.answered(message);
    if (message.type === "ledger") return this.#ledger.useLedger(message.id);
    if (message.type !== "welcome") return;
    this.#tokens.accepted(message.token, message.expiresInMs);
    writeAs(message.person.id, this.awareness);
    this.#dispatch({ type: "welcomed", me: message.person });
  }

  #onDocument(isSession: boolean): void {
    if (!this.#model.hasDocument) this.#dispatch({ type: "document-received", session: this.#ledger.read() });
    else if (isSession) this.#dispatch({ type: "session-changed", session: this.#ledger.read() });
    // Before, the document may hold a stored copy of a later session, which the relay has not seen yet.
    if (isSession && this.#connection.isSynced) this.#content.setDisagreement(!this.#ledger.isShared);
  }

  #onSynced(): void {
    this.#content.served();
    this.#content.setDisagreement(!this.#ledger.isShared);
    this.#update();
  }

  #onDisconnected(): void {
    this.#content.disconnected();
    this.#dispatch({ type: "disconnected" });
  }

  #onRefused(error: RoomError): void {
    const { isPersonal, canRequest } = this.#tokens;
    this.#dispatch({ type: "connection-refused", error, hadPersonalToken: isPersonal, canRequestToken: canRequest });
  }

  /** The next connection uses the newer token; on this one the relay has to be asked to accept it. */
  #onTokenRenewed(token: string): void {
    if (!this.#isOnline) return;
    void this.#commands.send({ type: "renew", token }, (outcome) => {
      if (!(outcome instanceof RoomError) && !outcome.ok) this.#tokens.renewalRefused();
    });
  }

  /** Sends a command about the run that this page shows; resolves to the run that the room is in. */
  async #command(type: "start" | "end"): Promise<number> {
    const { error, session } = this.#model;
    if (!this.#isOnline) throw error ?? disconnectedError();
    return acceptedRun(await this.#commands.send({ type, run: session?.run ?? 0 }));
  }

  /** Events are handled one after the other: an effect of one may cause the next. */
  #dispatch(event: RoomEvent): void {
    this.#queue.push(event);
    if (this.#isDispatching) return;
    this.#isDispatching = true;
    try {
      for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) {
        const { model, effects } = reduceRoom(this.#model, next);
        this.#model = model;
        for (const effect of effects) this.#effects.execute(effect);
      }
    } finally {
      this.#isDispatching = false;
    }
    this.#update();
  }

  /** Resolves `ready` and publishes the state, once no event waits. */
  #update(): void {
    if (this.#isDispatching) return;
    if (this.#model.inside && this.#connection.isSynced) this.#ready.resolve();
    this.#state.publish(stateOf(this.#model, this.#presence.shownName, this.#others.identities, this.#content));
  }
}
