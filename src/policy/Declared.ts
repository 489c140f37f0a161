/** What those who share something declare of it. What several declare alike is one and the same. */

interface Entry<A> {
  readonly value: A
  users: number
  /** Once nobody declares it any more: how long it holds all the same. */
  until: number
}

export class Declared<A> {
  private readonly entries = new Map<string, Entry<A>>()
  /** All that holds. */
  values: ReadonlyArray<A> = []
  /** When the next of them ceases to hold. */
  endsAt = Number.POSITIVE_INFINITY

  /** Declares what is known by this name. */
  add(name: string, make: () => A): A {
    const known = this.entries.get(name)
    if (known !== undefined) {
      known.users++
      known.until = Number.POSITIVE_INFINITY
      this.update()
      return known.value
    }
    const value = make()
    this.entries.set(name, { value, users: 1, until: Number.POSITIVE_INFINITY })
    this.update()
    return value
  }

  /** Takes one declaration back. What nobody declares any more holds until then. */
  remove(name: string, until: number): void {
    const known = this.entries.get(name)
    if (known === undefined || --known.users > 0) return
    known.until = until
    this.update()
  }

  /** Forgets what has ceased to hold. */
  expire(now: number): void {
    if (now < this.endsAt) return
    for (const [name, { until }] of this.entries) if (until <= now) this.entries.delete(name)
    this.update()
  }

  /** When all that holds now, and that nobody declares any more, has ceased to. */
  get lastsUntil(): number {
    let last = Number.NEGATIVE_INFINITY
    for (const { until } of this.entries.values()) if (Number.isFinite(until)) last = Math.max(last, until)
    return last
  }

  private update() {
    this.values = Array.from(this.entries.values(), ({ value }) => value)
    this.endsAt = Number.POSITIVE_INFINITY
    for (const { until } of this.entries.values()) this.endsAt = Math.min(this.endsAt, until)
  }
}
