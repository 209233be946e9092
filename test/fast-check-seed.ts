/**
 * Gives the property tests a fixed seed, so that `npm run check` is deterministic. `FAST_CHECK_SEED` chooses
 * another; `npm run test:long` explores with a new one. A failure prints its seed.
 */
import fc from "fast-check";

fc.configureGlobal({ ...fc.readConfigureGlobal(), seed: Number(process.env["FAST_CHECK_SEED"] ?? 1) });
