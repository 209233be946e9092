/** Content that cannot be served: the room's session goes on without it, and a restart does not read it again. */
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { writeSyncStep1 } from "../../../src/protocol/protocol.ts";
import { StructStore } from "../../../sync-server/struct-store/struct-store.ts";
import { MemoryStore } from "../../../sync-server/store/memory-store.ts";
import { exchanged } from "../frames.ts";
import type { RawClient } from "../harness.ts";
import { host, participant, rawClient, roomState, startRelay, stockClient, until } from "../harness.ts";

/** How often a client was sent that the content is set aside. */
const noticesOf = ({ frames }: RawClient): number =>
  frames.filter((frame) => Buffer.from(frame).includes("content-set-aside")).length;

/** Nothing of some client, so that the answer is not one that was made before. */
const EVERYTHING = writeSyncStep1(Uint8Array.of(1, 5, 0));

describe("content that is set aside", () => {
  it.each(["answer", "addSlices"] as const)(
    "[W23] what throws in StructStore.%s costs the content alone, also after a restart",
    async (method) => {
      const store = new MemoryStore();
      const setting = await startRelay({ store });
      const teacher = await rawClient(setting, await setting.token(host));
      await teacher.command({ type: "join" });
      const stock = await stockClient(setting, participant);
      await until("it is in", () => stock.provider.synced);
      const closes: unknown[] = [];
      stock.provider.on("connection-close", (event) => void closes.push(event?.code));
      const bystander = await stockClient(setting, { ...host, room: "another" }, { room: "another" });
      await until("it is in", () => bystander.provider.synced);

      const fault = vi.spyOn(StructStore.prototype, method).mockImplementation(() => {
        throw new Error("a fault");
      });
      onTestFinished(() => fault.mockRestore());
      if (method === "answer") teacher.send(EVERYTHING);
      else stock.text.insert(0, "x");
      await until("the stock client is closed", () => closes.includes(4423));
      fault.mockRestore();
      expect(setting.log.filter((line) => line.includes('"room":"room"') && line.includes("set aside"))).toHaveLength(
        1,
      );
      expect(teacher.closeCode).toBe(null);
      expect(noticesOf(teacher)).toBe(1);

      // The session goes on, and so does the other room.
      expect(await roomState(setting)).toMatchObject({ status: "live", hosts: 1 });
      bystander.text.insert(0, "safe");
      await exchanged(bystander);
      expect(await teacher.command({ type: "end", run: 1 })).toMatchObject({ ok: true });
      await until("the end is seen", () => teacher.session?.status === "ended");
      expect(await teacher.command({ type: "start", run: 1 })).toMatchObject({ ok: true, run: 2 });

      await setting.relay.close();
      const again = await startRelay({ store });
      const back = await rawClient(again, await again.token(host));
      expect(await back.command({ type: "join" })).toMatchObject({ ok: true, run: 2 });
      expect(noticesOf(back)).toBe(1);
      back.send(EVERYTHING);
      await exchanged(back);
      const late = await stockClient(again, participant);
      await until("it was sent the session", () => late.session?.status === "live");
      await until("it is closed for good", () => !late.provider.shouldConnect);
      expect((await store.readRoom("room"))!.isContentSetAside).toBe(true);
    },
  );
});
