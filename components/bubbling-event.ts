/** Whatever the elements tell leaves the shadow root in which it is told. */
export class BubblingEvent extends Event {
  constructor(type: string) {
    super(type, { bubbles: true, composed: true });
  }
}
