/**
 * Who is next: a line for a number of places. Whoever has had a place for long enough is called back while another stands in
 * line, and only then.
 */
import { Line, type Place } from "../base/Line.ts"

export interface Turns<A> {
  /** Stands last in line, and starts when there is a place. */
  readonly stand: (one: A) => void
  /** Has had its turn, or makes nothing of it: it may be called back from now on, or no more. */
  readonly mayGo: (one: A, may: boolean) => void
  /** Has left its place. */
  readonly left: (one: A) => void
  /** Nobody starts any more. */
  readonly close: () => void
  readonly standing: () => number
}

interface Options<A> {
  readonly places: number
  /** Is to have a place, and to leave it once. */
  readonly start: (one: A) => void
  /** Is to leave its place as soon as it can. */
  readonly callBack: (one: A) => void
}

export const make = <A>({ callBack, places, start }: Options<A>): Turns<A> => {
  const line = new Line<A>()
  const running = new Set<A>()
  // In the order in which they came to be so.
  const may = new Map<A, Place<A>>()
  const expendable = new Line<A>()
  const leaving = new Set<A>()
  let isOpen = true

  const keep = (one: A) => {
    const place = may.get(one)
    if (place === undefined) return
    may.delete(one)
    expendable.remove(place)
  }

  const balance = () => {
    while (isOpen && running.size < places) {
      const first = line.first()
      if (first === undefined) return
      line.remove(first)
      running.add(first.value)
      start(first.value)
    }
    // One is called back for each who stands in line, so that most go on where few wait.
    while (isOpen && leaving.size < line.size) {
      const first = expendable.first()
      if (first === undefined) return
      keep(first.value)
      leaving.add(first.value)
      callBack(first.value)
    }
  }

  return {
    stand: (one) => {
      line.add(one)
      balance()
    },
    mayGo: (one, isFree) => {
      if (!isFree) keep(one)
      else if (running.has(one) && !leaving.has(one) && !may.has(one)) {
        may.set(one, expendable.add(one))
        balance()
      }
    },
    left: (one) => {
      keep(one)
      running.delete(one)
      leaving.delete(one)
      balance()
    },
    close: () => {
      isOpen = false
    },
    standing: () => line.size
  }
}
