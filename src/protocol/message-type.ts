/** The types of frames; for `import * as MessageType`, so that builds put the bare numbers in. See protocol.ts. */
export const sync = 0;
export const awareness = 1;
export const auth = 2;
export const queryAwareness = 3;
export const session = 83;
