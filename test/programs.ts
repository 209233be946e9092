/** Finds programs of the machine that some tests need. */
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

export const isExecutable = (file: string): boolean => {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
};

/** The path of the first program in the PATH that has one of these names. */
export const findProgram = (...names: readonly string[]): string | undefined =>
  (process.env["PATH"] ?? "")
    .split(delimiter)
    .flatMap((folder) => names.map((name) => join(folder, name)))
    .find(isExecutable);
