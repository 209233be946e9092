/**
 * The room client: one person's way into a hosted session, without any framework. It holds the line
 * to the relay, asks to be let in, and offers an observable `state` that says what to show.
 *
 *     const room = new Room({ relay: "wss://relay.example", room: "physics", token });
 *     room.subscribe(({ screen }) => console.log(screen.name));
 *     room.join();
 *     await room.ready;
 *     room.doc.getText("notes").insert(0, "Hello");
 */
import type { Awareness } from "y-protocols/awareness";
import type { WebsocketProvider } from "y-websocket";
import * as Y from "yjs";
import { lacksFormer, writeAs } from "./authorship.ts";
import { backgroundTimers } from "../clock.ts";
import type { Timers } from "../clock.ts";
import { closeError } from "./close-errors.ts";
import { localPresence } from "./local-presence.ts";
import type { LocalPresence } from "./local-presence.ts";
import { listPeople, othersIn } from "./people.ts";
import type { AwarenessChange, Others } from "./people.ts";
import { disconnected, pendingAnswers } from "./pending-answers.ts";
import type { Outcome, PendingAnswers } from "./pending-answers.ts";
import { personalToken, tabStorage } from "./personal-token.ts";
import type { PersonalToken, TokenStorage } from "./personal-token.ts";
import type { Command, RelayMessage } from "../protocol/protocol.ts";
import { quietPromise } from "./quiet-promise.ts";
import { badSettings, checkRoomName, checkToken, toRelayUrl } from "./relay-address.ts";
import {
  askForDocument,
  forgetOthers,
  makeProvider,
  readSessionMessages,
  reconnect,
  sendCommand,
  manageReconnects,
  useToken,
} from "./room-provider.ts";
import {
  joinRequested,
  closed,
  failed,
  INITIAL_MODEL,
  joinAccepted,
  joinRefused,
  joinSent,
  left,
  connectionLost,
  reduceRoom,
  screenOf,
  sessionRead,
  shouldJoin,
  started,
  welcomed,
} from "./room-reducer.ts";
import type { RoomEvent, RoomModel } from "./room-reducer.ts";
import { NOTHING_KNOWN, RoomError } from "./room-state.ts";
import type { RoomState } from "./room-state.ts";
import { jsonEqual } from "./json-equal.ts";
import { readSession, SESSION_ROOT } from "../session/session.ts";
import { tokenRenewal } from "./token-renewal.ts";
import type { GetToken, TokenRenewal } from "./token-renewal.ts";

export type RoomOptions = {
  /** Address of the relay: ws(s):// or http(s)://, with or without a path. */
  readonly relay: string;
  /** Name of the room, 1 to 128 characters. */
  readonly room: string;
  /** JWT of the person, or of an invitation. */
  readonly token: string;
  /** Gives a newer token when the present one is about to expire, or has. */
  readonly getToken?: GetToken | undefined;
  /** Name to go by, unless the token names the person. */
  readonly displayName?: string | undefined;
  /** Document to use; a new one by default. */
  readonly doc?: Y.Doc | undefined;
  /** Where an invited person's own token is kept; by default the tab's session storage. `null`: nowhere. */
  readonly storage?: TokenStorage | null | undefined;
  readonly clock?: Timers | undefined;
  /** For places without a global WebSocket. */
  readonly WebSocketPolyfill?: typeof WebSocket | undefined;
};

/** A command before it has its id. */
type Question = Command extends infer Kind ? (Kind extends Command ? Omit<Kind, "id"> : never) : never;

const checkDoc = (doc: Y.Doc): Y.Doc => {
  if (!(doc instanceof Y.Doc)) {
    throw badSettings(
      "The document is not a Y.Doc of the Yjs that session-room uses. A page with two copies of Yjs loses data: load it once.",
    );
  }
  try {
    doc.getMap(SESSION_ROOT);
  } catch (error) {
    const message = `The document's root "${SESSION_ROOT}" belongs to session-room. Give the page's own type another name.`;
    throw badSettings(message, { cause: error });
  }
  return doc;
};

/** The old value if the new one says the same, so that who compares by identity sees only changes. */
const keepIfSame = <T>(before: T, after: T): T => (jsonEqual(before, after) ? before : after);

export class Room {
  readonly doc: Y.Doc;
  readonly awareness: Awareness;
  readonly provider: WebsocketProvider;
  /** Resolves when the person is in the session and has its document for the first time; rejects with a RoomError. */
  readonly ready: Promise<void>;

  readonly #token: PersonalToken;
  readonly #renewal: TokenRenewal | null;
  readonly #answers: PendingAnswers;
  readonly #presence: LocalPresence;
  readonly #others: Others;
  readonly #settleReady = quietPromise<void>();
  readonly #listeners = new Set<(state: RoomState) => void>();
  /** Ends with the room. */
  readonly #listening = new AbortController();
  /** Why the last `join` has failed, once it is answered; `null` if it has not. */
  #joining: Promise<RoomError | null> | undefined;
  #model: RoomModel = INITIAL_MODEL;
  #state = NOTHING_KNOWN;
  /** Whether the relay has sent some of the document: a page's stored one may tell of sessions long past. */
  #hasDocument = false;
  /** Whether the relay serves nothing on this line any more, as after a leave or an end. */
  #isUnserved = false;
  /** Whether the relay lacked something that the page wrote as somebody else, when it last asked for more. */
  #lacksFormer: boolean | undefined;
  /** Whether a line should stand: after `join`, and not while the page is away. */
  #isWanted = false;
  #isAway = false;
  /** Whether the page has given the token that is in use because the relay had refused another. */
  #isTokenFresh = false;

  /** Connects to nothing yet. @throws RoomError `bad-settings`. */
  constructor(options: RoomOptions) {
    const { room, token, getToken, displayName = "", doc = new Y.Doc(), storage = tabStorage() } = options;
    const { clock = backgroundTimers, WebSocketPolyfill } = options;
    const relayUrl = toRelayUrl(options.relay);
    checkRoomName(room);
    checkToken(token);
    this.doc = checkDoc(doc);
    this.#token = personalToken(storage, relayUrl, room, token);
    this.provider = makeProvider(relayUrl, room, doc, WebSocketPolyfill);
    this.awareness = this.provider.awareness;
    useToken(this.provider, this.#token);
    this.#answers = pendingAnswers(clock);
    this.#renewal = getToken === undefined ? null : tokenRenewal(getToken, clock, (newer) => this.#renewToken(newer));
    this.#presence = localPresence(this.awareness);
    this.#presence.displayName = displayName;
    this.#others = othersIn(this.awareness);
    this.ready = this.#settleReady.promise;
    this.#listen(clock);
  }

  /** What to show: a new object at each change. */
  get state(): RoomState {
    return this.#state;
  }

  /** Calls `listener` at each change of `state`; returns what ends that. */
  subscribe(listener: (state: RoomState) => void): () => void {
    const own = (state: RoomState): void => listener(state);
    this.#listeners.add(own);
    return () => void this.#listeners.delete(own);
  }

  /** The chosen name, trimmed and at most 80 characters; others see it unless the token names the person. */
  get displayName(): string {
    return this.#presence.displayName;
  }

  set displayName(name: string) {
    this.#presence.displayName = name;
    this.#publish();
  }

  /** Connects, and comes in as soon as the session lets one in. */
  join(): void {
    this.#isWanted = true;
    this.#connect();
    this.#dispatch(joinRequested);
  }

  /** Goes out of the session. Without a line this is so at once, for the relay counts nobody without one. */
  async leave(): Promise<void> {
    const wasOnline = this.#isOnline;
    this.#dispatch(left);
    if (!wasOnline) return;
    await new Promise<void>((resolve) => {
      this.#ask({ type: "leave" }, (outcome) => {
        // Others' presence that was still on its way: nobody says that they are gone while one is out.
        forgetOthers(this.provider);
        // No answer in time: without this line the person is out for certain.
        if (outcome instanceof RoomError && this.#isOnline) reconnect(this.provider);
        resolve();
      });
    });
  }

  /**
   * Comes back in, after leaving or once a new run is live after an end. Resolves when in, or at once
   * while there is nothing to come into.
   *
   * @throws RoomError `disconnected` (one comes in by oneself once there is a line again) or `refused`.
   */
  async rejoin(): Promise<void> {
    this.join();
    const { error, join } = this.#model;
    if (error !== null) throw error;
    if (!this.#isOnline) throw disconnected();
    if (join === null || join.refused) return;
    const failure = await this.#joining;
    if (failure !== null) throw failure;
  }

  /** Ends the run that this page shows, for everyone. @throws RoomError `refused` or `disconnected`. */
  async end(): Promise<void> {
    await this.#command("end");
  }

  /** Starts a new run and comes in. @throws RoomError `refused` or `disconnected`. */
  async start(): Promise<void> {
    this.#dispatch(started(await this.#command("start")));
  }

  /** Hangs up at once, for a page that goes away (`pagehide`, `freeze`). */
  suspend(): void {
    this.#isAway = true;
    this.provider.disconnect();
  }

  /** Takes the line up again when the page is back (a persisted `pageshow`, `resume`). */
  resume(): void {
    this.#isAway = false;
    this.#connect();
  }

  /** Ends everything that this room keeps going. The document is the page's and stays. */
  destroy(): void {
    this.#isWanted = false;
    this.#listening.abort();
    this.#renewal?.stop();
    this.#listeners.clear();
    this.#dispatch(closed);
    this.provider.destroy();
    this.awareness.destroy();
    this.#answers.rejectAll(disconnected());
    this.#settleReady.reject(disconnected());
  }

  get #isOnline(): boolean {
    return this.#model.connection === "online";
  }

  #listen(clock: Timers): void {
    const { signal } = this.#listening;
    const { doc } = this;
    const map = doc.getMap(SESSION_ROOT);
    const onLedger = (): void => this.#readSession();
    map.observe(onLedger);
    signal.addEventListener("abort", () => map.unobserve(onLedger));

    // The provider and its awareness are the room's own: whoever listens to them goes with them.
    this.awareness.on("change", (change: AwarenessChange) => {
      const isRenamed = this.#presence.take(change);
      if (this.#others.take(change) || isRenamed) this.#publish();
    });
    this.provider.on("sync", () => this.#resolveReady());
    manageReconnects(this.provider, clock);
    this.provider.on("connection-close", () => this.#onDisconnected());
    // With a code that says not to come back.
    this.provider.on("closed", ({ code, reason }) => this.#beRefused(code, reason));
    readSessionMessages(
      this.provider,
      (message) => this.#receive(message),
      () => this.#receiveDocument(),
      (held) => {
        this.#lacksFormer = lacksFormer(doc, held);
      },
    );

    if (typeof window === "undefined") return;
    // A browser that is wrong about being offline still gets through: the tries go on.
    const onOffline = (): void => {
      if (this.#isWanted && !this.#isAway) reconnect(this.provider);
    };
    window.addEventListener("offline", onOffline, { signal });
    window.addEventListener("online", () => this.#connect(), { signal });
  }

  #connect(): void {
    if (!this.#isWanted || this.#isAway || this.#model.connection === "closed") return;
    try {
      this.provider.connect();
    } catch {
      // Browsers throw at once at ws:// on a page that came by https. What they say may hold the token.
      const message = "The browser does not open the relay's address from this page: an https page needs wss://.";
      this.#fail(badSettings(message));
    }
  }

  #receive(message: RelayMessage): void {
    if (message.type === "answer") return this.#answers.settle(message);
    if (message.token !== undefined) {
      this.#token.keep(message.token);
      useToken(this.provider, this.#token);
    }
    this.#isTokenFresh = false;
    writeAs(message.person.id, this.awareness);
    this.#renewal?.plan(message.expiresInMs);
    this.#dispatch(welcomed(message.person));
  }

  /** The page has given a newer token: for this line, if there is one, and for those to come. */
  #renewToken(token: string): void {
    this.#token.renew(token);
    useToken(this.provider, this.#token);
    if (!this.#isOnline) return;
    this.#ask({ type: "renew", token }, (outcome) => {
      // A token that the relay does not take is as good as none: the present one may still hold a while.
      if (!(outcome instanceof RoomError) && !outcome.ok) this.#renewal?.plan(0);
    });
  }

  #receiveDocument(): void {
    if (this.#hasDocument) return;
    this.#hasDocument = true;
    this.#readSession();
  }

  #readSession(): void {
    if (this.#hasDocument) this.#dispatch(sessionRead(readSession(this.doc)));
  }

  /** Asks for what is missing of the document, unless the question that each line opens with still stands. */
  #askForDocument(): void {
    if (this.#isUnserved) askForDocument(this.provider);
    this.#isUnserved = false;
  }

  #stopServing(): void {
    this.#isUnserved = true;
    this.provider.synced = false;
    forgetOthers(this.provider);
  }

  #onDisconnected(): void {
    this.#isUnserved = false;
    forgetOthers(this.provider);
    // First the line, then the answers that come no more: whoever gets one must find things as they are.
    this.#dispatch(connectionLost);
    this.#answers.rejectAll(disconnected());
  }

  #beRefused(code: number, reason: string): void {
    const error = closeError(code, reason);
    if (error.code === "unauthorized" && this.#token.drop()) {
      useToken(this.provider, this.#token);
      this.#connect();
    } else if (error.code === "unauthorized" && this.#renewal !== null && !this.#isTokenFresh) {
      // Once for each refusal: a page whose new token is refused too has nothing better.
      this.#isTokenFresh = true;
      void this.#renewal.renew().then((isRenewed) => (isRenewed ? this.#connect() : this.#fail(error)));
    } else this.#fail(error);
  }

  #fail(error: RoomError): void {
    this.#isWanted = false;
    this.#renewal?.stop();
    this.provider.disconnect();
    this.#answers.rejectAll(error);
    this.#settleReady.reject(error);
    this.#dispatch(failed(error));
  }

  #ask(command: Question, settle: (outcome: Outcome) => void): void {
    sendCommand(this.provider, { ...command, id: this.#answers.expect(settle) });
  }

  /** Sends a command about the run that this page shows; resolves to the run that the room is in. */
  async #command(type: "start" | "end"): Promise<number> {
    const { error, session } = this.#model;
    if (!this.#isOnline) throw error ?? disconnected();
    const run = session?.run ?? 0;
    const outcome = await new Promise<Outcome>((resolve) => this.#ask({ type, run }, resolve));
    if (outcome instanceof RoomError) throw outcome;
    if (!outcome.ok) throw new RoomError("refused", outcome.message);
    return outcome.run;
  }

  #join(): void {
    this.#askForDocument();
    this.#presence.show();
    const { promise, resolve } = Promise.withResolvers<RoomError | null>();
    this.#joining = promise;
    const id = this.#answers.expect((outcome) => resolve(this.#endJoin(id, outcome)));
    this.#dispatch(joinSent(id));
    sendCommand(this.provider, { type: "join", id });
  }

  #endJoin(id: number, outcome: Outcome): RoomError | null {
    if (outcome instanceof RoomError) {
      if (this.#isOnline) reconnect(this.provider);
      return outcome;
    }
    if (outcome.ok) {
      this.#onJoined(id, outcome.run);
      return null;
    }
    this.#dispatch(joinRefused(id, outcome.code));
    return new RoomError("refused", outcome.message);
  }

  #onJoined(id: number, run: number): void {
    const { join, endSeen } = this.#model;
    // Into a new run, while the person looks at the end of the one before: they are not in it.
    if (join?.id === id && endSeen !== null) this.#ask({ type: "leave" }, () => forgetOthers(this.provider));
    this.#dispatch(joinAccepted(id, run));
    if (!this.#model.inside) return;
    // An end in between, from which they came back, has hidden them and ended what they had asked for.
    this.#askForDocument();
    if (this.awareness.getLocalState() === null) this.#presence.show();
    if (!this.#lacksFormer) return;
    // By now the relay has been sent all that it had asked for; before it answers another join, it asks again.
    this.#ask({ type: "join" }, (outcome) => {
      if (outcome instanceof RoomError || !outcome.ok) return;
      if (this.#lacksFormer) {
        this.#fail(new RoomError("bad-message", "What you wrote last was not saved. Load the page again."));
      }
      const { inside, join: another } = this.#model;
      // Into a run that began meanwhile, while the person looks at the end of the one before.
      if (!inside && another === null) this.#ask({ type: "leave" }, () => forgetOthers(this.provider));
    });
  }

  #dispatch(event: RoomEvent): void {
    const before = this.#model;
    this.#model = reduceRoom(before, event);
    if (this.#model === before) return;
    const { inside, session } = this.#model;
    const hasEnded = session?.status === "ended" && session !== before.session;
    if (event === left || (before.inside && !inside)) this.#presence.hide();
    if (event === left || hasEnded) this.#stopServing();
    if (shouldJoin(this.#model)) this.#join();
    this.#resolveReady();
    this.#publish();
  }

  #resolveReady(): void {
    if (this.#model.inside && this.provider.synced) this.#settleReady.resolve();
  }

  #publish(): void {
    const { connection, me: person, session, inside } = this.#model;
    const me = person === null || person.verified ? person : { ...person, name: this.#presence.name };
    const people = inside && me !== null ? listPeople(this.#others.people, me) : [];
    const before = this.#state;
    const state: RoomState = {
      screen: keepIfSame(before.screen, screenOf(this.#model)),
      connection,
      me: keepIfSame(before.me, me),
      people: keepIfSame(before.people, people),
      session: keepIfSame(before.session, session),
    };
    if (jsonEqual(before, state)) return;
    this.#state = state;
    for (const listener of [...this.#listeners]) {
      // A listener that changed the state has told everyone of a newer one.
      if (this.#state !== state) return;
      try {
        listener(state);
      } catch (error) {
        // The page's fault is reported as any other, but must not stop what goes on here.
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }
}
