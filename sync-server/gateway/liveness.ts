/** Keeps an idle connection alive and ends one whose peer is gone (docs/SPEC.md, W10 and W11). */
import { CloseCode } from "../../src/protocol/close-codes.ts";
import { KEEPALIVE } from "../../src/protocol/protocol.ts";
import { Batch, Frame } from "../websocket/frame.ts";
import type { Peer } from "./peer.ts";

/** How often `checkLiveness` is to be called for each peer, in ms. */
export const LIVENESS_CHECK_MS = 5_000;

/** Half a check early, so that a timer that is a little late or early does not delay anything by a whole check. */
const EARLY_MS = LIVENESS_CHECK_MS / 2;
/** y-websocket closes a connection on which no data message arrived for 30 s. */
const KEEPALIVE_AFTER_MS = 15_000 - EARLY_MS;
const PING_AFTER_MS = 15_000 - EARLY_MS;
/** With the check that notices it, a dead peer is gone within 35 s. */
const DEAD_AFTER_MS = 30_000 - EARLY_MS;

/** A peer that is alive and reads nothing of what waits for it. */
const STUCK_AFTER_MS = 30_000 - EARLY_MS;

const KEEPALIVE_BATCH = new Batch([Frame.of(KEEPALIVE)]);

export const checkLiveness = (peer: Peer, now: number): void => {
  peer.updateActivity(now);
  const stuckMs = peer.checkProgress(now);
  const silentMs = now - peer.lastReceivedAt;
  if (silentMs >= DEAD_AFTER_MS) return peer.terminate();
  if (stuckMs >= STUCK_AFTER_MS) {
    return peer.refuse(CloseCode.tryAgainLater, "nothing of what was sent was read for 30 s");
  }
  if (silentMs >= PING_AFTER_MS) peer.ping();
  if (now - peer.lastSentAt >= KEEPALIVE_AFTER_MS) peer.send(KEEPALIVE_BATCH);
};
