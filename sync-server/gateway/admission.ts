/**
 * Admits connections: verifies the token and attaches the connection to its room, or closes it with the reason. It knows
 * sockets by the methods that it uses, and no HTTP. A refused connection is opened first and then closed with a code,
 * because browsers see nothing of a refused upgrade (docs/SPEC.md, W4).
 */
import type { Logger } from "pino";
import { CloseCode } from "../../src/protocol/close-codes.ts";
import type { Clock } from "../../src/clock.ts";
import { Connection } from "../room/connection/connection.ts";
import { Credential } from "../auth/credential.ts";
import { sessionFrame } from "../room/connection/messages.ts";
import { Batch } from "../websocket/frame.ts";
import type { Heartbeat } from "./heartbeat.ts";
import type { Limits } from "../config/limits.ts";
import { identify } from "../auth/identity.ts";
import type { Arrival } from "../auth/identity.ts";
import { RateLimit } from "../room/connection/rate-limit.ts";
import type { Room } from "../room/room.ts";
import type { Lease, Rooms } from "../room/rooms.ts";
import type { Tokens } from "../auth/tokens.ts";
import type { ClientSocket } from "../websocket/web-socket.ts";
import { Peer } from "./peer.ts";
import { UnfinishedMessages } from "./unfinished-messages.ts";

/** An unexpected condition (RFC 6455, section 7.4.1). Clients retry. */
const INTERNAL_ERROR = 1011;
/** Of a sender that is faster than its limits, reads so seldom at most, in ms. */
const SHORTEST_PAUSE_MS = 10;

export type AdmissionOptions = {
  readonly rooms: Rooms;
  readonly tokens: Tokens;
  readonly clock: Clock;
  readonly limits: Limits;
  readonly heartbeat: Heartbeat;
  readonly logger: Pick<Logger, "info" | "error">;
};

export type ConnectRequest = {
  readonly room: string;
  readonly token: string | null;
  /** An expired personal token: it identifies the person whose token is an invitation. */
  readonly former: string | null;
  /** Whether the client speaks `session-room.v1`. */
  readonly speaksSession: boolean;
  /** Called when the token is found to be valid. */
  readonly onAuthenticated?: () => void;
};

/** Why a connection is not admitted. */
export type Refusal = { readonly code: CloseCode; readonly reason: string };

type Admitted = { readonly lease: Lease; readonly arrival: Arrival; readonly credential: Credential };

export const refuse = (code: CloseCode, reason: string): Refusal => ({ code, reason });

export class Admission {
  readonly #options: AdmissionOptions;
  /** The refusal of every connection, once the relay accepts none any more. */
  #closing: Refusal | null = null;

  readonly #unfinished: UnfinishedMessages;

  constructor(options: AdmissionOptions) {
    this.#options = options;
    this.#unfinished = new UnfinishedMessages(options.clock);
  }

  /** Refuses new connections from now on, and those that are being admitted. */
  stopAccepting(code: CloseCode, reason: string): void {
    this.#closing = refuse(code, reason);
  }

  /**
   * Admits a connection, or closes it with the reason.
   *
   * @param request a refusal if it is certain already.
   * @param open opens the socket; `null` if it has closed meanwhile.
   * @throws StoreError, or whatever else keeps the room from being opened; the caller destroys the stream.
   */
  async receive(request: ConnectRequest | Refusal, open: () => ClientSocket | null): Promise<void> {
    const admitted = "code" in request ? request : await this.#admit(request);
    const socket = open();
    if ("code" in admitted) return socket === null ? undefined : this.#refuse(socket, admitted);
    const { lease } = admitted;
    const refusal = this.#checkCapacity(lease.room);
    if (socket !== null && refusal === null) return this.#connect(socket, admitted, request as ConnectRequest);
    lease.release();
    if (socket !== null) this.#refuse(socket, refusal!);
  }

  async #admit({ room, token, former, speaksSession, onAuthenticated }: ConnectRequest): Promise<Refusal | Admitted> {
    const { rooms, tokens, clock } = this.#options;
    if (this.#closing !== null) return this.#closing;
    const verified = await tokens.verify(token);
    if (!verified.ok) {
      const code = verified.fault === "unavailable" ? CloseCode.tryAgainLater : CloseCode.unauthorized;
      return refuse(code, verified.message);
    }
    const { claims } = verified;
    if (claims.room !== room) return refuse(CloseCode.forbidden, "the token is for another room");
    onAuthenticated?.();
    const arrival = await identify(claims, tokens, speaksSession, former);
    const lease = await rooms.enter(claims.room);
    return { lease, arrival, credential: new Credential(tokens, clock, claims, arrival) };
  }

  /** Checked when the token is verified, since many connections may be in verification at the same time. */
  #checkCapacity({ connections }: Room): Refusal | null {
    if (this.#closing !== null) return this.#closing;
    const { connectionsPerRoom } = this.#options.limits;
    if (connections.size < connectionsPerRoom) return null;
    const reason = `more than ${connectionsPerRoom} connections in one room (limit-connections-per-room)`;
    return refuse(CloseCode.tryAgainLater, reason);
  }

  #refuse(socket: ClientSocket, refusal: Refusal): void {
    this.#options.logger.info(refusal, "refused a connection");
    socket.close(refusal.code, refusal.reason);
  }

  #connect(socket: ClientSocket, { lease, arrival, credential }: Admitted, { speaksSession }: ConnectRequest): void {
    const { clock, limits, heartbeat, logger } = this.#options;
    const { room } = lease;
    const peer = new Peer(socket, clock, limits.bufferedBytes, credential);
    const connection = new Connection(peer, arrival, credential, new RateLimit(limits, clock), speaksSession);
    peer.refuse = (code, reason) => room.refuse(connection, code, reason);
    heartbeat.add(peer);
    /** A fault of the relay itself costs this connection at most. */
    const guarded = (run: () => void): void => {
      try {
        run();
      } catch (error) {
        // Not the client's fault: it may reconnect.
        logger.error({ err: error, room: room.name }, "a message could not be handled");
        socket.close(INTERNAL_ERROR, "internal error");
      }
    };
    const { rate } = connection;
    /** Reads no more until what was read is within the limits of a second. */
    const slowDown = (): void => {
      const { debtMs } = rate;
      if (debtMs > 0 && !peer.isPaused) peer.pause(Math.max(debtMs, SHORTEST_PAUSE_MS));
    };
    socket.listen({
      bytes: (count) => {
        rate.takeBytes(count);
        this.#unfinished.received(peer, socket.unfinishedBytes);
        slowDown();
      },
      message: (bytes, isBinary) => {
        rate.takeMessage();
        guarded(() => {
          if (isBinary) room.receive(connection, bytes);
          else room.refuse(connection, CloseCode.badMessage, "text frames are not part of the protocol");
        });
        slowDown();
      },
      control: () => {
        rate.takeMessage();
        slowDown();
      },
      closed: () => {
        heartbeat.delete(peer);
        peer.closed();
        this.#unfinished.delete(peer);
        room.detach(connection);
        lease.release();
      },
    });
    if (speaksSession) peer.send(new Batch([sessionFrame(credential.welcome)]));
    room.attach(connection);
  }
}
