/** Notices a consumer that takes nothing although there is something to take. */
import type { Clock, Timer } from '../common/clock.js'

export class IdleWatch {
  private readonly options: {
    readonly clock: Clock
    readonly idleMs: number
    readonly isWaiting: () => boolean
    readonly onIdle: () => void
  }
  private timer: Timer | undefined
  private touchedMs = 0

  /** `onIdle` runs when `isWaiting` has been true and nothing was touched for `idleMs`. */
  constructor(options: { clock: Clock; idleMs: number; isWaiting: () => boolean; onIdle: () => void }) {
    this.options = options
  }

  /** Something has been taken. */
  touch(): void {
    this.touchedMs = this.options.clock.nowMs()
  }

  /** There will be something to take. */
  watch(): void {
    if (!this.options.isWaiting()) this.touch()
    this.timer ??= this.options.clock.after(this.options.idleMs, () => this.check())
  }

  stop(): void {
    this.timer?.cancel()
  }

  private check(): void {
    const { clock, idleMs, isWaiting, onIdle } = this.options
    this.timer = undefined
    if (!isWaiting()) return
    const leftMs = this.touchedMs + idleMs - clock.nowMs()
    if (leftMs > 0) this.timer = clock.after(leftMs, () => this.check())
    else onIdle()
  }
}
