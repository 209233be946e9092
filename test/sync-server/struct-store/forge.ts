/** Updates (v1) of a given shape, made without Yjs, which would take minutes for some of them. */
import * as encoding from "lib0/encoding";

export type Id = readonly [client: number, clock: number];

export type Forged = {
  readonly origin?: Id;
  readonly right?: Id;
  /** Only without origins: a root's name or a type's id. */
  readonly parent?: string | Id;
  readonly key?: string;
  /** A string; or an array type. */
  readonly content: { readonly text: string } | { readonly isType: true };
};

const writeId = (encoder: encoding.Encoder, [client, clock]: Id): void => {
  encoding.writeVarUint(encoder, client);
  encoding.writeVarUint(encoder, clock);
};

const writeStruct = (encoder: encoding.Encoder, { origin, right, parent = "text", key, content }: Forged): void => {
  const isText = "text" in content;
  const info = (origin ? 0x80 : 0) | (right ? 0x40 : 0) | (key === undefined ? 0 : 0x20) | (isText ? 4 : 7);
  encoding.writeUint8(encoder, info);
  if (origin) writeId(encoder, origin);
  if (right) writeId(encoder, right);
  if (!origin && !right) {
    encoding.writeVarUint(encoder, typeof parent === "string" ? 1 : 0);
    if (typeof parent === "string") encoding.writeVarString(encoder, parent);
    else writeId(encoder, parent);
    if (key !== undefined) encoding.writeVarString(encoder, key);
  }
  if (isText) encoding.writeVarString(encoder, content.text);
  else encoding.writeVarUint(encoder, 0);
};

/** An update with one section for each client, from clock 0 on. */
export const forgeStructs = (
  sections: readonly (readonly [client: number, structs: readonly Forged[]])[],
): Uint8Array =>
  encoding.encode((encoder) => {
    encoding.writeVarUint(encoder, sections.length);
    for (const [client, structs] of sections) {
      encoding.writeVarUint(encoder, structs.length);
      encoding.writeVarUint(encoder, client);
      encoding.writeVarUint(encoder, 0);
      for (const struct of structs) writeStruct(encoder, struct);
    }
    encoding.writeVarUint(encoder, 0);
  });

/** An update of deletes of one client, in the order given. */
export const forgeDeletes = (
  client: number,
  ranges: readonly (readonly [clock: number, length: number])[],
): Uint8Array =>
  encoding.encode((encoder) => {
    encoding.writeVarUint(encoder, 0);
    encoding.writeVarUint(encoder, 1);
    encoding.writeVarUint(encoder, client);
    encoding.writeVarUint(encoder, ranges.length);
    for (const [clock, length] of ranges) {
      encoding.writeVarUint(encoder, clock);
      encoding.writeVarUint(encoder, length);
    }
  });
