/** Base class of the events of all elements: they bubble, and cross the boundaries of shadow roots. */
export class BubblingEvent extends Event {
  constructor(type: string) {
    super(type, { bubbles: true, composed: true });
  }
}
