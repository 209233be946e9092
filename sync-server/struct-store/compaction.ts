/**
 * Compaction: writes a document's structs anew without what is deleted, as Yjs does it when it collects garbage and
 * merges (yjs 13.6, `tryGcDeleteSet`, `Item.gc`, `Item.mergeWith`), but without integrating anything.
 *
 * - Deleted items become ContentDeleted of equal length with their place; items deleted in part are cut.
 * - What lies below a deleted type, or beside or below what is GC, becomes GC; adjacent GC structs are joined.
 * - Items are joined where cutting would give them back: the origin of the right one is the unit before it, both have
 *   the same right origin, the same kind of content, and both are deleted or both are not. Live values of a map's key
 *   are never joined. A joined item refers to nothing that its first part does not refer to, so it keeps the number
 *   of that part, and the order remains one in which everything can be integrated.
 *
 * First each struct is marked whether it becomes GC, in order of acceptance; then each is written together with those
 * of the same client that follow it and can be joined. Linear, times the logarithm of the searches for references.
 */
import * as encoding from "lib0/encoding";
import { NONE } from "../update/scan.ts";
import { newFloat64Column, newUint32Column, newUint8Column } from "./column.ts";
import type { IdRanges } from "./id-ranges.ts";
import type { Steps } from "./steps.ts";
import { ContentParts, isDivisible, ItemView, Ref, writeContentHead, writeGc, writePlace } from "./struct-bytes.ts";
import { isEntryAt, NO_PLACE, NO_STRUCT, Structs, toPlace, typeAt } from "./structs.ts";
import { ROOT } from "./type-table.ts";

/** Content that is not joined further, so that structs stay small beside the pieces of an answer; bytes. */
const JOINED_BYTES = 32 * 1024;

const Fate = { gc: 0, deleted: 1, live: 2 } as const;
type Fate = (typeof Fate)[keyof typeof Fate];

export class Compaction {
  readonly #old: Structs;
  readonly #deletes: IdRanges;
  readonly #steps: Steps;
  readonly #new: Structs;
  /** By old struct number: whether it becomes GC. */
  readonly #isDead = newUint8Column();
  /** Whether any item becomes GC. */
  #hasDead = false;
  /** By old type number: whether it is deleted, as it was when it was marked; and the number of what it becomes. */
  readonly #isTypeDead = newUint8Column();
  readonly #newTypes = newUint32Column();
  /** By the old index of a client: the clock up to which it is written. */
  readonly #written = newFloat64Column();

  /** The struct that is being written: where it begins, and what it is. */
  #fate: Fate = Fate.gc;
  #ref = 0;
  #clock = 0;
  #place = NO_PLACE;
  #rightClient: number = NONE;
  #rightClock: number = NONE;
  #head: encoding.Encoder = encoding.createEncoder();
  #content: encoding.Encoder = encoding.createEncoder();
  /** Whether it is an old one as it is so far, of which nothing is written yet. */
  #isRaw = false;
  /** The old struct that its last part comes from, and where that part ends. */
  #number = NO_STRUCT;
  #end = 0;
  /** What `#look` found. */
  #partFate: Fate = Fate.gc;
  #partEnd = 0;
  readonly #view = new ItemView();
  readonly #firstView = new ItemView();
  /** The content of the old struct that was cut last. */
  #parts: ContentParts | null = null;
  #partsOf = NO_STRUCT;

  constructor(old: Structs, deletes: IdRanges, steps: Steps) {
    this.#old = old;
    this.#deletes = deletes;
    this.#steps = steps;
    this.#new = new Structs(steps);
    this.#isTypeDead.push(0);
    this.#newTypes.push(ROOT);
  }

  /**
   * Yields after about every `sliceSteps` steps; until the end, structs and deletes may be added to what is compacted.
   *
   * @returns the structs that take the place of the old ones, which must happen before any is added.
   */
  *run(sliceSteps: number): Generator<undefined, Structs> {
    let left = sliceSteps;
    let marked = 0;
    let written = 0;
    while (written < this.#old.count) {
      for (; marked < this.#old.count; marked++) {
        this.#mark(marked);
        if (--left <= 0) {
          left = sliceSteps;
          yield;
        }
      }
      const limit = marked;
      for (; written < limit; written++) {
        const index = this.#old.clientIndexAt(written);
        if (index === this.#written.length) this.#written.push(0);
        for (let from = this.#start(written, index); from < this.#old.endAt(written); from = this.#end) {
          this.#open(written, from);
          do {
            if (--left <= 0) {
              left = sliceSteps;
              yield;
            }
          } while (this.#extend(limit));
          this.#close();
          this.#written.set(index, this.#end);
        }
        if (--left <= 0) {
          left = sliceSteps;
          yield;
        }
      }
    }
    return this.#new;
  }

  #start(number: number, clientIndex: number): number {
    return Math.max(this.#old.clockAt(number), this.#written.at(clientIndex));
  }

  /** Finds out whether a struct becomes GC. */
  #mark(number: number): void {
    this.#steps.count++;
    const place = this.#old.placeAt(number);
    let isDead = place === NO_PLACE || this.#isTypeDead.at(typeAt(place)) === 1;
    if (!isDead && this.#hasDead) isDead = this.#refersToDead(number);
    if (isDead && place !== NO_PLACE) this.#hasDead = true;
    this.#isDead.push(isDead ? 1 : 0);
    const type = this.#isTypeDead.length;
    if (type < this.#old.types.count && this.#old.types.structOf(type) === number) {
      const clock = this.#old.clockAt(number);
      const isTypeDead = isDead || this.#deletes.covers(this.#old.clientAt(number), clock, clock + 1);
      this.#isTypeDead.push(isTypeDead ? 1 : 0);
      this.#newTypes.push(ROOT);
    }
  }

  /** Only hostile items lie beside what becomes GC and not below the same type; Yjs makes them GC too (`getMissing`). */
  #refersToDead(number: number): boolean {
    this.#view.read(this.#old.bytesAt(number));
    const { originClient, originClock, rightClient, rightClock } = this.#view;
    return this.#isDeadAt(originClient, originClock) || this.#isDeadAt(rightClient, rightClock);
  }

  #isDeadAt(client: number, clock: number): boolean {
    if (client === NONE) return false;
    return this.#isDead.at(this.#old.find(client, clock)) === 1;
  }

  /** Finds out what becomes of a struct from a clock on, and up to where. */
  #look(number: number, from: number): void {
    this.#steps.count++;
    this.#partEnd = this.#old.endAt(number);
    if (this.#isDead.at(number) === 1) {
      this.#partFate = Fate.gc;
      return;
    }
    const ref = this.#old.refAt(number);
    if (ref === Ref.deleted) this.#partFate = Fate.deleted;
    else if (ref === Ref.type) {
      // As it was marked: what lies in it was marked accordingly.
      this.#partFate = this.#isTypeDead.at(this.#old.types.find(number)) === 1 ? Fate.deleted : Fate.live;
    } else if (!this.#deletes.find(this.#old.clientAt(number), from) || this.#deletes.foundStart >= this.#partEnd) {
      this.#partFate = Fate.live;
    } else if (this.#deletes.foundStart > from) {
      this.#partFate = Fate.live;
      this.#partEnd = this.#deletes.foundStart;
    } else {
      this.#partFate = Fate.deleted;
      this.#partEnd = Math.min(this.#partEnd, this.#deletes.foundEnd);
    }
  }

  /** Begins a new struct with a part of an old one. */
  #open(number: number, from: number): void {
    this.#look(number, from);
    this.#number = number;
    this.#clock = from;
    this.#fate = this.#partFate;
    this.#end = this.#partEnd;
    this.#isRaw = false;
    if (this.#fate === Fate.gc) {
      this.#place = NO_PLACE;
      return;
    }
    const view = this.#view;
    view.read(this.#old.bytesAt(number));
    const place = this.#old.placeAt(number);
    this.#place = toPlace(this.#newTypes.at(typeAt(place)), isEntryAt(place));
    this.#rightClient = view.rightClient;
    this.#rightClock = view.rightClock;
    this.#ref = this.#fate === Fate.deleted ? Ref.deleted : view.ref;
    this.#isRaw =
      this.#fate === Fate.live && from === this.#old.clockAt(number) && this.#end === this.#old.endAt(number);
    if (!this.#isRaw) this.#begin(view);
  }

  /** Writes the place of the new struct, and the content of `#number`, which the view shows, from there up to `#end`. */
  #begin(view: ItemView): void {
    const number = this.#number;
    this.#head = encoding.createEncoder();
    writePlace(this.#head, view, this.#ref, this.#old.clientAt(number), this.#old.clockAt(number), this.#clock);
    if (this.#fate === Fate.live && isDivisible(this.#ref)) {
      this.#content = encoding.createEncoder();
      this.#takePart(view, this.#clock);
    }
  }

  /** Joins what follows, if possible. @param limit structs from this number on are not marked yet. */
  #extend(limit: number): boolean {
    const number = this.#end < this.#old.endAt(this.#number) ? NO_STRUCT : this.#old.nextOfClient(this.#number);
    // In one struct, the parts differ in being deleted.
    if (number === NO_STRUCT || number >= limit) return false;
    const from = this.#end;
    this.#look(number, from);
    if (this.#partFate !== this.#fate) return false;
    if (this.#fate !== Fate.gc) {
      const view = this.#view;
      view.read(this.#old.bytesAt(number));
      if (view.originClock !== from - 1 || view.originClient !== this.#old.clientAt(number)) return false;
      if (!view.hasRightOrigin(this.#rightClient, this.#rightClock)) return false;
      if (this.#fate === Fate.live) {
        if (!isDivisible(this.#ref) || view.ref !== this.#ref || isEntryAt(this.#place)) return false;
        const size = this.#isRaw ? this.#old.sizeAt(this.#number) : encoding.length(this.#content);
        if (size >= JOINED_BYTES) return false;
      }
    }
    if (this.#isRaw) {
      this.#isRaw = false;
      this.#firstView.read(this.#old.bytesAt(this.#number));
      this.#begin(this.#firstView);
    }
    this.#number = number;
    this.#end = this.#partEnd;
    if (this.#fate === Fate.live) this.#takePart(this.#view, from);
    return true;
  }

  /** Adds the content of `#number`, which the view shows, from a clock up to `#end`. */
  #takePart(view: ItemView, from: number): void {
    const number = this.#number;
    const clock = this.#old.clockAt(number);
    if (this.#partsOf !== number || this.#parts === null) {
      this.#parts = new ContentParts(view, this.#old.endAt(number) - clock, this.#steps);
      this.#partsOf = number;
    }
    encoding.writeUint8Array(this.#content, this.#parts.take(from - clock, this.#end - clock));
  }

  #close(): void {
    const client = this.#old.clientAt(this.#number);
    const length = this.#end - this.#clock;
    if (this.#isRaw) {
      const bytes = this.#old.bytesAt(this.#number);
      this.#new.append(client, length, bytes, 0, bytes.length, this.#place);
      if (this.#ref === Ref.type) this.#newTypes.set(this.#old.types.find(this.#number), this.#new.types.count - 1);
      return;
    }
    const encoder = this.#fate === Fate.gc ? encoding.createEncoder() : this.#head;
    if (this.#fate === Fate.gc) {
      writeGc(encoder, length);
      // Yjs deletes what lies in a deleted type without saying so (13.6, `ContentType.delete`).
      this.#deletes.add(client, this.#clock, this.#end);
    } else if (this.#fate === Fate.deleted) encoding.writeVarUint(encoder, length);
    else {
      const content = encoding.toUint8Array(this.#content);
      writeContentHead(encoder, this.#ref, length, content.length);
      encoding.writeUint8Array(encoder, content);
    }
    const bytes = encoding.toUint8Array(encoder);
    this.#new.append(client, length, bytes, 0, bytes.length, this.#place);
  }
}
