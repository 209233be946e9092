/**
 * Where lines come in: checks who comes, and lets them into their room or says why not. It knows
 * sockets by what it needs of them, no HTTP; whoever is refused is let in first and then closed
 * with a code, because browsers see nothing of a refused upgrade (docs/SPEC.md, W4).
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
import type { Line } from "../websocket/web-socket.ts";
import { Peer } from "./peer.ts";

/** RFC 6455: an unexpected condition. Retried by clients. */
const INTERNAL_ERROR = 1011;

export type AdmissionOptions = {
  readonly rooms: Rooms;
  readonly tokens: Tokens;
  readonly clock: Clock;
  readonly limits: Limits;
  readonly heartbeat: Heartbeat;
  readonly logger: Pick<Logger, "info" | "error">;
};

/** Somebody at the door. */
export type ConnectRequest = {
  readonly room: string;
  readonly token: string | null;
  /** A personal token that has expired, which says who comes with an invitation. */
  readonly former: string | null;
  /** Whether the client speaks `session-room.v1`. */
  readonly speaksSession: boolean;
  /** Called when the token is found to be good. */
  readonly onAuthenticated?: () => void;
};

/** Why somebody is not let in. */
export type Refusal = { readonly code: CloseCode; readonly reason: string };

type Admitted = { readonly lease: Lease; readonly arrival: Arrival; readonly credential: Credential };

export const refuse = (code: CloseCode, reason: string): Refusal => ({ code, reason });

export class Admission {
  readonly #options: AdmissionOptions;
  /** What every newcomer is told, once the relay takes none any more. */
  #closing: Refusal | null = null;

  constructor(options: AdmissionOptions) {
    this.#options = options;
  }

  /** Refuses new connections from now on, also those who are on their way in. */
  stopAccepting(code: CloseCode, reason: string): void {
    this.#closing = refuse(code, reason);
  }

  /**
   * Lets somebody in, or closes their line with the reason.
   *
   * @param request a refusal: it is certain already.
   * @param open opens the line; `null` if it is gone by then.
   * @throws StoreError, or what else keeps the room from being opened; the line is the caller's to cut.
   */
  async receive(request: ConnectRequest | Refusal, open: () => Line | null): Promise<void> {
    const admitted = "code" in request ? request : await this.#admit(request);
    const line = open();
    if ("code" in admitted) return line === null ? undefined : this.#turnAway(line, admitted);
    const { lease } = admitted;
    const refusal = this.#checkCapacity(lease.room);
    if (line !== null && refusal === null) return this.#connect(line, admitted, request as ConnectRequest);
    lease.release();
    if (line !== null) this.#turnAway(line, refusal!);
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

  /** What may have changed while the token was checked: many can be on their way in at once. */
  #checkCapacity({ connections }: Room): Refusal | null {
    if (this.#closing !== null) return this.#closing;
    const { connectionsPerRoom } = this.#options.limits;
    if (connections.size < connectionsPerRoom) return null;
    const reason = `more than ${connectionsPerRoom} connections in one room (limit-connections-per-room)`;
    return refuse(CloseCode.tryAgainLater, reason);
  }

  #turnAway(line: Line, refusal: Refusal): void {
    this.#options.logger.info(refusal, "refused a connection");
    line.close(refusal.code, refusal.reason);
  }

  #connect(line: Line, { lease, arrival, credential }: Admitted, { speaksSession }: ConnectRequest): void {
    const { clock, limits, heartbeat, logger } = this.#options;
    const { room } = lease;
    const peer = new Peer(line, clock, limits.bufferedBytes, credential, heartbeat.nextBeat());
    const connection = new Connection(peer, arrival, credential, new RateLimit(limits, clock), speaksSession);
    heartbeat.add(peer);
    /** Nothing that the relay does wrong may cost more than this line. */
    const guarded = (run: () => void): void => {
      try {
        run();
      } catch (error) {
        // Ours, not the client's: it may come again.
        logger.error({ err: error, room: room.name }, "a message could not be handled");
        line.close(INTERNAL_ERROR, "internal error");
      }
    };
    /** @returns whether the connection has broken no limit. */
    const keepsTo = (broken: string | null): boolean => {
      if (broken !== null) room.refuse(connection, CloseCode.tryAgainLater, broken);
      return broken === null;
    };
    line.listen({
      bytes: (count) => guarded(() => keepsTo(connection.rate.takeBytes(count))),
      message: (bytes, isBinary) =>
        guarded(() => {
          if (!keepsTo(connection.rate.takeMessage())) return;
          if (isBinary) room.receive(connection, bytes);
          else room.refuse(connection, CloseCode.badMessage, "text frames are not part of the protocol");
        }),
      control: () => guarded(() => keepsTo(connection.rate.takeMessage())),
      closed: () => {
        heartbeat.delete(peer);
        room.detach(connection);
        lease.release();
      },
    });
    if (speaksSession) peer.send(new Batch([sessionFrame(credential.welcome)]));
    room.attach(connection);
  }
}
