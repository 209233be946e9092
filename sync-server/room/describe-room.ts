/** A room as operators see it. */
import type { LifecycleState } from "../../src/session/lifecycle.ts";
import type { Connection } from "./connection/connection.ts";
import type { RoomDescription } from "./room-service.ts";

export const describeRoom = (
  room: string,
  state: LifecycleState,
  connections: ReadonlySet<Connection>,
): RoomDescription => {
  const hosts = new Set<string>();
  const participants = new Set<string>();
  for (const { membership, isHost, identity } of connections) {
    if (membership.joined) (isHost ? hosts : participants).add(identity.id);
  }
  const absence = state.status === "live" ? state.absence : null;
  return {
    room,
    status: state.status,
    run: state.run,
    startedAt: state.status === "waiting" ? null : state.startedAt,
    ended: state.status === "ended" ? state.ended : null,
    hosts: hosts.size,
    participants: participants.size,
    absentSince: absence?.since ?? null,
    endsAt: absence?.deadlineAt ?? null,
  };
};
