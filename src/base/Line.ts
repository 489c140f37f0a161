/** What came, in its order, until it leaves. */

/** Where something stands. */
export interface Place<A> {
  readonly value: A
  /** Below 0 once it has left. */
  at: number
}

const firstPlaces = 16

/**
 * Twice as many places for what is in these, which are not to be used any more and end empty: whoever is in the old
 * generation keeps what it points to until V8 collects everything, also once nobody points to it. So do the places that
 * an array had before it grew by itself.
 */
export const doubled = <A>(places: Array<A | undefined>): Array<A | undefined> => {
  const more = places.concat(new Array(places.length).fill(undefined))
  places.fill(undefined)
  return more
}

/**
 * A `Set` would do, but for memory: each time its table is full, V8 goes on in a new one to which the old one points.
 * Once one of them is in the old generation, all later ones go there with what was in them, so that whatever passes
 * through the set is kept until everything is collected. A line stays in one array and leaves nothing in it.
 */
export class Line<A> {
  private places: Array<Place<A> | undefined> = new Array(firstPlaces).fill(undefined)
  /** No place before it is taken. */
  private front = 0
  private end = 0
  private count = 0

  get size(): number {
    return this.count
  }

  /** Stands last. */
  add(value: A): Place<A> {
    if (this.end === this.places.length) this.makeRoom()
    const place: Place<A> = { value, at: this.end }
    this.places[this.end++] = place
    this.count++
    return place
  }

  /** Leaves; nothing happens where it has left. */
  remove(place: Place<A>): void {
    if (place.at < 0) return
    this.places[place.at] = undefined
    place.at = -1
    if (--this.count === 0) this.front = this.end = 0
  }

  first(): Place<A> | undefined {
    while (this.front < this.end) {
      const place = this.places[this.front]
      if (place !== undefined) return place
      this.front++
    }
    return undefined
  }

  /** Those that stand in the line now, in order. */
  values(): ReadonlyArray<A> {
    const values: Array<A> = []
    for (let at = this.front; at < this.end; at++) {
      const place = this.places[at]
      if (place !== undefined) values.push(place.value)
    }
    return values
  }

  /** All leave of whom this holds. */
  removeWhere(leaves: (value: A) => boolean): void {
    for (let at = this.front; at < this.end; at++) {
      const place = this.places[at]
      if (place !== undefined && leaves(place.value)) this.remove(place)
    }
  }

  private makeRoom(): void {
    let end = 0
    for (const place of this.places) {
      if (place === undefined) continue
      this.places[end] = place
      place.at = end++
    }
    this.places.fill(undefined, end)
    this.front = 0
    this.end = end
    if (end * 2 > this.places.length) this.places = doubled(this.places)
  }
}
