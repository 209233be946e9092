/** The steps of sync frames; for `import * as SyncStep`, so that builds put the bare numbers in. See protocol.ts. */
export const step1 = 0;
export const step2 = 1;
export const update = 2;
