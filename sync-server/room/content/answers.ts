/**
 * What clients lack of a room's content, in pieces of bounded size. Clients that connect at once with the same state
 * vector, as newcomers do, share the pieces.
 */
import * as decoding from "lib0/decoding";
import { MalformedError } from "../../../src/protocol/protocol.ts";
import type { Frame } from "../../websocket/frame.ts";
import { syncStep2Frame, updateFrame } from "../connection/messages.ts";

/** What a client lacks: see `struct-store/answer.ts` for its contract. */
export interface ContentAnswer {
  /** The next piece; `null` when the client has everything that the content holds, which closes the answer. */
  next(): Uint8Array | null;
  /** Ends it before its end. */
  close(): void;
}

/** Content that answers state vectors. */
export interface ContentSource {
  readonly bytes: number;
  stateVector(): ReadonlyMap<number, number>;
  /** The clock after the last struct of a client; 0 if none is held. */
  clockOf(client: number): number;
  /** @param knowsDeletes whether a client that holds this also knows all deletes of it until now. */
  answer(held: ReadonlyMap<number, number>, knowsDeletes: boolean): ContentAnswer;
}

/** Does something with the content; `null` if the room has none any more. */
export type UseContent = <T>(act: (content: ContentSource) => T) => T | null;

/** Largest content of which pieces are kept for others. */
const SHARED_BYTES = 4 * 1024 * 1024;
/** How many pieces of what was added since are kept too; more are worth a new beginning. */
const LATER_PIECES = 256;
/** Largest state vector that is read: some 100,000 client ids. */
const READ_BYTES = 1024 * 1024;
/** A longer state vector is not compared with the next one. */
const COMPARED_BYTES = 64 * 1024;

/** A part of an answer, in its frame. */
export class ContentPiece {
  readonly #update: Uint8Array;
  #asUpdate: Frame | null = null;
  #asAnswer: Frame | null = null;

  constructor(update: Uint8Array) {
    this.#update = update;
  }

  get bytes(): number {
    return this.#update.byteLength;
  }

  /** @param completes whether it is what completes the answer to a SyncStep1. */
  frame(completes: boolean): Frame {
    if (completes) return (this.#asAnswer ??= syncStep2Frame(this.#update));
    return (this.#asUpdate ??= updateFrame(this.#update));
  }
}

export const EMPTY_PIECE = new ContentPiece(Uint8Array.of(0, 0));

/** The pieces for one client. */
export interface Pieces {
  next(): ContentPiece | null;
  close(): void;
}

/** The pieces for all who have the same state vector: they go on when something is added. */
class SharedPieces {
  readonly stateVector: Uint8Array;
  readonly pieces: ContentPiece[] = [];
  bytes = 0;
  isInUse = true;
  isClosed = false;
  readonly #use: UseContent;
  #answer: ContentAnswer | null;
  /** The number of changes that the pieces cover. */
  #changes: number;

  constructor(use: UseContent, stateVector: Uint8Array, changes: number) {
    this.#use = use;
    this.stateVector = stateVector;
    this.#changes = changes;
    const held = readStateVector(stateVector, use);
    this.#answer = use((content) => content.answer(held, false));
    this.#read();
  }

  /** Makes the pieces of what was added until now. */
  update(changes: number): void {
    if (changes === this.#changes) return;
    this.#changes = changes;
    this.#read();
  }

  /** Releases the pieces. Clients that have not read them to the end begin anew. */
  close(): void {
    this.isClosed = true;
    this.pieces.length = 0;
    this.#answer?.close();
    this.#answer = null;
  }

  #read(): void {
    this.#use((content) => {
      for (let piece = this.#answer?.next() ?? null; piece !== null; piece = this.#answer!.next()) {
        this.pieces.push(new ContentPiece(piece));
        this.bytes += piece.byteLength;
      }
      // For what is added from now on.
      this.#answer = content.answer(content.stateVector(), true);
    });
  }
}

export class Answers {
  readonly #use: UseContent;
  #shared: SharedPieces | null = null;
  /** The last state vector that was asked for: who asks for it again may be one of many. */
  #lastAsked: Uint8Array | null = null;
  #changes = 0;
  readonly #isAdding: () => boolean;
  #wasAdding = false;

  /** @param isAdding whether something is being added in slices: there is more each time. */
  constructor(use: UseContent, isAdding: () => boolean) {
    this.#use = use;
    this.#isAdding = isAdding;
  }

  contentChanged(): void {
    this.#changes++;
  }

  /** What a client with this state vector lacks, at least an empty piece. @throws MalformedError if it cannot be read. */
  open(stateVector: Uint8Array): Pieces {
    const shared = this.#shareWith(stateVector);
    if (shared !== null) return this.#readShared(shared);
    const held = readStateVector(stateVector, this.#use);
    return this.#readOwn(
      this.#use((content) => content.answer(held, false)),
      true,
    );
  }

  /** What is added from now on, for a client that has all until now. */
  openLater(): Pieces {
    return this.#readOwn(
      this.#use((content) => content.answer(content.stateVector(), true)),
      false,
    );
  }

  /** Releases pieces that nobody has asked for since the last call. */
  evict(): void {
    this.#lastAsked = null;
    if (this.#shared?.isInUse === true) this.#shared.isInUse = false;
    else this.#dropShared();
  }

  #countChanges(): number {
    const isAdding = this.#isAdding();
    if (isAdding || this.#wasAdding) this.#changes++;
    this.#wasAdding = isAdding;
    return this.#changes;
  }

  #dropShared(): void {
    this.#shared?.close();
    this.#shared = null;
  }

  #shareWith(stateVector: Uint8Array): SharedPieces | null {
    const shared = this.#shared;
    const isSame = shared !== null && isEqual(shared.stateVector, stateVector);
    if (isSame && shared.pieces.length <= LATER_PIECES && shared.bytes <= 2 * SHARED_BYTES) return shared;
    const isAskedAgain = this.#lastAsked !== null && isEqual(this.#lastAsked, stateVector);
    this.#lastAsked = stateVector.byteLength <= COMPARED_BYTES ? stateVector.slice() : null;
    const bytes = this.#use((content) => content.bytes) ?? Infinity;
    if (!isAskedAgain || bytes > SHARED_BYTES) return null;
    this.#dropShared();
    return (this.#shared = new SharedPieces(this.#use, stateVector.slice(), this.#countChanges()));
  }

  #readShared(shared: SharedPieces): Pieces {
    let at = 0;
    let own: Pieces | null = null;
    return {
      next: () => {
        if (own !== null) return own.next();
        if (shared.isClosed) {
          const held = readStateVector(shared.stateVector, this.#use);
          own = this.#readOwn(
            this.#use((content) => content.answer(held, false)),
            true,
          );
          return own.next();
        }
        shared.isInUse = true;
        if (at === shared.pieces.length) shared.update(this.#countChanges());
        if (at < shared.pieces.length) return shared.pieces[at++]!;
        return at++ === 0 ? EMPTY_PIECE : null;
      },
      close: () => own?.close(),
    };
  }

  #readOwn(answer: ContentAnswer | null, isNeverEmpty: boolean): Pieces {
    let isEmpty = isNeverEmpty;
    return {
      next: () => {
        const update = answer === null ? null : this.#use(() => answer.next());
        if (update === null && !isEmpty) return null;
        isEmpty = false;
        return update === null ? EMPTY_PIECE : new ContentPiece(update);
      },
      close: () => answer?.close(),
    };
  }
}

const isEqual = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;

/**
 * Reads a state vector, as far as it names clients whose content is held: what else it names must not take memory.
 *
 * @throws MalformedError if it cannot be read.
 */
const readStateVector = (bytes: Uint8Array, use: UseContent): Map<number, number> => {
  const held = new Map<number, number>();
  // No real document has so many client ids; who names them gets all of the content.
  if (bytes.byteLength > READ_BYTES) return held;
  try {
    const decoder = decoding.createDecoder(bytes);
    for (let left = decoding.readVarUint(decoder); left > 0; left--) {
      const client = decoding.readVarUint(decoder);
      const clock = decoding.readVarUint(decoder);
      if (clock > 0 && use((content) => content.clockOf(client) > 0) === true) held.set(client, clock);
    }
  } catch {
    throw new MalformedError("the state vector cannot be read");
  }
  return held;
};
