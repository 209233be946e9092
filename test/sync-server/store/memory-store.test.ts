/** The store in memory keeps the contract of all stores. */
import { MemoryStore } from "../../../sync-server/store/memory-store.ts";
import { describeStore } from "./store-contract.ts";

describeStore("MemoryStore", async () => {
  const store = new MemoryStore();
  return { store, reopen: async () => store };
});
