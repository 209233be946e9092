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
import { writeAs } from "./authorship.ts";
import { backgroundTimers } from "./clock.ts";
import type { Timers } from "./clock.ts";
import { closeError } from "./close-errors.ts";
import { LocalPresence } from "./local-presence.ts";
import { listPeople, Others } from "./people.ts";
import type { AwarenessChange } from "./people.ts";
import { disconnected, PendingAnswers } from "./pending-answers.ts";
import type { Outcome } from "./pending-answers.ts";
import { PersonalToken, tabStorage } from "./personal-token.ts";
import type { TokenStorage } from "./personal-token.ts";
import type { Command, RelayMessage } from "./protocol.ts";
import { checkRoomName, checkToken, toRelayUrl } from "./relay-address.ts";
import { RelayLine } from "./room-provider.ts";
import { INITIAL_MODEL, reduceRoom, screenOf, shouldJoin } from "./room-reducer.ts";
import type { RoomEvent, RoomModel } from "./room-reducer.ts";
import { NOTHING_KNOWN, RoomError } from "./room-state.ts";
import type { RoomState } from "./room-state.ts";
import { saysTheSame } from "./same.ts";
import { readSession, SESSION_ROOT } from "./session.ts";
import { TokenRenewal } from "./token-renewal.ts";
import type { GetToken } from "./token-renewal.ts";

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
    throw new RoomError(
      "bad-settings",
      "The document is not a Y.Doc of the Yjs that session-room uses. A page with two copies of Yjs loses data: load it once.",
    );
  }
  try {
    doc.getMap(SESSION_ROOT);
  } catch (error) {
    const message = `The document's root "${SESSION_ROOT}" belongs to session-room. Give the page's own type another name.`;
    throw new RoomError("bad-settings", message, { cause: error });
  }
  return doc;
};

/** The old value if the new one says the same, so that who compares by identity sees only changes. */
const keepIfSame = <T>(before: T, after: T): T => (saysTheSame(before, after) ? before : after);

export class Room {
  readonly doc: Y.Doc;
  readonly awareness: Awareness;
  readonly provider: WebsocketProvider;
  /** Resolves when the person is in the session and has its document for the first time; rejects with a RoomError. */
  readonly ready: Promise<void>;

  readonly #line: RelayLine;
  readonly #token: PersonalToken;
  readonly #renewal: TokenRenewal | null;
  readonly #answers: PendingAnswers;
  readonly #presence: LocalPresence;
  readonly #others: Others;
  readonly #settleReady = Promise.withResolvers<void>();
  readonly #listeners = new Set<(state: RoomState) => void>();
  /** Ends with the room. */
  readonly #listening = new AbortController();
  /** Calls of `rejoin` that wait for the answer to the `join` on its way. */
  #rejoins: ((error: RoomError | null) => void)[] = [];
  #model: RoomModel = INITIAL_MODEL;
  #state = NOTHING_KNOWN;
  /** Whether the relay has sent some of the document: a page's stored one may tell of sessions long past. */
  #hasDocument = false;
  /** Whether a line should stand: after `join`, and not while the page is away. */
  #isWanted = false;
  #isAway = false;
  /** Whether the page has given the token that is in use because the relay had refused another. */
  #isTokenFresh = false;

  /** Connects to nothing yet. @throws RoomError `bad-settings`. */
  constructor(options: RoomOptions) {
    const relayUrl = toRelayUrl(options.relay);
    checkRoomName(options.room);
    checkToken(options.token);
    this.doc = checkDoc(options.doc ?? new Y.Doc());
    const storage = options.storage === undefined ? tabStorage() : options.storage;
    this.#token = new PersonalToken(storage, relayUrl, options.room, options.token);
    const clock = options.clock ?? backgroundTimers;
    this.#line = new RelayLine({
      relayUrl,
      room: options.room,
      doc: this.doc,
      token: this.#token.current,
      clock,
      WebSocketPolyfill: options.WebSocketPolyfill,
      onMessage: (message) => this.#receive(message),
      onDocument: () => this.#receiveDocument(),
      onLost: () => this.#loseLine(),
      onRefused: (code, reason) => this.#beRefused(code, reason),
    });
    this.awareness = this.#line.awareness;
    this.provider = this.#line.provider;
    this.#answers = new PendingAnswers(clock);
    const { getToken } = options;
    this.#renewal =
      getToken === undefined ? null : new TokenRenewal(getToken, clock, (token) => this.#renewToken(token));
    this.#presence = new LocalPresence(this.awareness, options.displayName ?? "");
    this.#others = new Others(this.awareness);
    this.ready = this.#settleReady.promise;
    // Whoever does not wait for it need not hear of it: the state tells the same.
    this.ready.catch(() => {});
    this.#listen();
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
    this.#dispatch({ type: "came" });
  }

  /** Goes out of the session. Without a line this is so at once, for the relay counts nobody without one. */
  async leave(): Promise<void> {
    const wasOnline = this.#isOnline;
    this.#dispatch({ type: "left" });
    if (!wasOnline) return;
    await new Promise<void>((resolve) => {
      this.#ask({ type: "leave" }, (outcome) => {
        // Others' presence that was still on its way: nobody says that they are gone while one is out.
        this.#line.forgetOthers();
        // No answer in time: without this line the person is out for certain.
        if (outcome instanceof RoomError && this.#isOnline) this.#line.reconnect();
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
    const failure = await new Promise<RoomError | null>((resolve) => this.#rejoins.push(resolve));
    if (failure !== null) throw failure;
  }

  /** Ends the run that this page shows, for everyone. @throws RoomError `refused` or `disconnected`. */
  async end(): Promise<void> {
    await this.#command("end");
  }

  /** Starts a new run and comes in. @throws RoomError `refused` or `disconnected`. */
  async start(): Promise<void> {
    this.#dispatch({ type: "started", run: await this.#command("start") });
  }

  /** Hangs up at once, for a page that goes away (`pagehide`, `freeze`). */
  suspend(): void {
    this.#isAway = true;
    this.#line.disconnect();
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
    this.#dispatch({ type: "closed" });
    this.#line.destroy();
    this.#answers.rejectAll(disconnected());
    this.#settleReady.reject(disconnected());
  }

  get #isOnline(): boolean {
    return this.#model.connection === "online";
  }

  #listen(): void {
    const { signal } = this.#listening;
    const map = this.doc.getMap(SESSION_ROOT);
    const onLedger = (): void => this.#readSession();
    map.observe(onLedger);
    signal.addEventListener("abort", () => map.unobserve(onLedger));

    // These two are the line's own: with it go whoever listens to them.
    this.awareness.on("change", (change: AwarenessChange) => {
      const isRenamed = this.#presence.take(change);
      if (this.#others.take(change) || isRenamed) this.#publish();
    });
    this.provider.on("sync", () => this.#resolveReady());

    if (typeof window === "undefined") return;
    // A browser that is wrong about being offline still gets through: the tries go on.
    const onOffline = (): void => {
      if (this.#isWanted && !this.#isAway) this.#line.reconnect();
    };
    window.addEventListener("offline", onOffline, { signal });
    window.addEventListener("online", () => this.#connect(), { signal });
  }

  #connect(): void {
    if (!this.#isWanted || this.#isAway || this.#model.connection === "closed") return;
    try {
      this.#line.connect();
    } catch {
      // Browsers throw at once at ws:// on a page that came by https. What they say may hold the token.
      const message = "The browser does not open the relay's address from this page: an https page needs wss://.";
      this.#fail(new RoomError("bad-settings", message));
    }
  }

  #receive(message: RelayMessage): void {
    if (message.type === "answer") return this.#answers.settle(message);
    if (message.token !== undefined) {
      this.#token.keep(message.token);
      this.#line.useToken(message.token);
    }
    this.#isTokenFresh = false;
    writeAs(message.person.id, this.awareness);
    this.#renewal?.plan(message.expiresInMs);
    this.#dispatch({ type: "welcomed", person: message.person });
  }

  /** The page has given a newer token: for this line, if there is one, and for those to come. */
  #renewToken(token: string): void {
    this.#token.renew(token);
    this.#line.useToken(this.#token.current, this.#token.former);
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
    if (this.#hasDocument) this.#dispatch({ type: "session-read", session: readSession(this.doc) });
  }

  #loseLine(): void {
    // First the line, then the answers that come no more: whoever gets one must find things as they are.
    this.#dispatch({ type: "line-lost" });
    this.#answers.rejectAll(disconnected());
  }

  #beRefused(code: number, reason: string): void {
    const error = closeError(code, reason);
    if (error.code === "unauthorized" && this.#token.drop()) {
      this.#line.useToken(this.#token.current, this.#token.former);
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
    this.#line.disconnect();
    this.#answers.rejectAll(error);
    this.#settleReady.reject(error);
    this.#dispatch({ type: "failed", error });
  }

  #ask(command: Question, settle: (outcome: Outcome) => void): void {
    this.#line.send({ ...command, id: this.#answers.expect(settle) });
  }

  /** Sends a command about the run that this page shows; resolves to the run that the room is in. */
  #command(type: "start" | "end"): Promise<number> {
    return new Promise((resolve, reject) => {
      const { error, session } = this.#model;
      if (!this.#isOnline) return reject(error ?? disconnected());
      this.#ask({ type, run: session?.run ?? 0 }, (outcome) => {
        if (outcome instanceof RoomError) reject(outcome);
        else if (outcome.ok) resolve(outcome.run);
        else reject(new RoomError("refused", outcome.message));
      });
    });
  }

  #join(): void {
    this.#line.askForDocument();
    this.#presence.show();
    const id = this.#answers.expect((outcome) => this.#endJoin(id, outcome));
    this.#dispatch({ type: "join-sent", id });
    this.#line.send({ type: "join", id });
  }

  #endJoin(id: number, outcome: Outcome): void {
    const waiting = this.#rejoins.splice(0);
    let error: RoomError | null = null;
    if (outcome instanceof RoomError) {
      error = outcome;
      if (this.#isOnline) this.#line.reconnect();
    } else if (outcome.ok) this.#beLetIn(id, outcome.run);
    else {
      error = new RoomError("refused", outcome.message);
      this.#dispatch({ type: "join-refused", id, code: outcome.code });
    }
    for (const settle of waiting) settle(error);
  }

  #beLetIn(id: number, run: number): void {
    const { join, endSeen } = this.#model;
    // Into a new run, while the person looks at the end of the one before: they are not in it.
    if (join?.id === id && endSeen !== null) this.#ask({ type: "leave" }, () => this.#line.forgetOthers());
    this.#dispatch({ type: "join-accepted", id, run });
    if (!this.#model.inside) return;
    // An end in between, from which they came back, has hidden them and ended what they had asked for.
    this.#line.askForDocument();
    if (this.awareness.getLocalState() === null) this.#presence.show();
    if (!this.#line.lacksFormer) return;
    // By now the relay has been sent all that it had asked for; before it answers another join, it asks again.
    this.#ask({ type: "join" }, (outcome) => {
      const isAnswered = !(outcome instanceof RoomError) && outcome.ok;
      if (isAnswered && this.#line.lacksFormer) {
        this.#fail(new RoomError("bad-message", "What you wrote last was not saved. Load the page again."));
      }
    });
  }

  #dispatch(event: RoomEvent): void {
    const before = this.#model;
    this.#model = reduceRoom(before, event);
    if (this.#model === before) return;
    const { inside, session } = this.#model;
    const hasEnded = session?.status === "ended" && session !== before.session;
    if (event.type === "left" || (before.inside && !inside)) this.#presence.hide();
    if (event.type === "left" || hasEnded) this.#line.stopServing();
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
    if (saysTheSame(before, state)) return;
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
