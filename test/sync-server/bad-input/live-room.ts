/** A live room with a bystander, and checks that bad input of others does not affect them (docs/SPEC.md, W4 and G6). */
import { expect } from "vitest";
import type { Limits } from "../../../sync-server/config/limits.ts";
import { exchanged } from "../frames.ts";
import { host, participant, roomState, startRelay, stockClient, until } from "../harness.ts";
import type { RawClient } from "../harness.ts";

/** A relay with a live room, and a bystander in it who must not be affected. */
export const liveRoom = async (options: { limits?: Partial<Limits>; allowedOrigins?: string[] } = {}) => {
  const { limits = {}, ...config } = options;
  const setting = await startRelay({ limits, config });
  const bystander = await stockClient(setting, host, { user: { name: "Hana" } });
  await until("the run is live", () => bystander.provider.synced);
  bystander.text.insert(0, "safe");
  await exchanged(bystander);
  const closes: unknown[] = [];
  bystander.provider.on("connection-close", (event) => void closes.push(event));
  /** Expects that the bystander was not affected, that nothing is lost, and that the log has no errors and no tokens. */
  const expectUnaffected = async () => {
    await exchanged(bystander);
    expect(closes).toEqual([]);
    expect(bystander.text.toString()).toBe("safe");
    expect(bystander.others).toEqual([]);
    const observer = await stockClient(setting, { ...participant, sub: "observer" });
    await until(
      "a new client gets everything",
      () => observer.text.toString() === "safe" && observer.session?.status === "live",
    );
    expect(await roomState(setting)).toMatchObject({ status: "live", run: 1, hosts: 1, participants: 1, endsAt: null });
    expect(setting.log.filter((line) => (JSON.parse(line) as { level: number }).level >= 50)).toEqual([]);
    expect(setting.log.join("")).not.toContain("eyJ");
  };
  return { setting, bystander, expectUnaffected };
};

/** Waits until the connection is closed; resolves with code and reason. */
export const closed = async (client: RawClient): Promise<[number | null, string]> => {
  await until("the connection was closed", () => client.closeCode !== null);
  expect(client.closeReason).not.toContain("eyJ");
  return [client.closeCode, client.closeReason];
};
