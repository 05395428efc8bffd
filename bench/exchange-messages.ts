/** What `bench exchange` and its two processes say to each other. */
import type { TaskSpec } from '../src/exchange/stage.js'

export interface Usage {
  /** All threads. */
  readonly processMs: number
  readonly mainMs: number
}

export type ProcessRequest =
  | { readonly kind: 'open' }
  | { readonly kind: 'run'; readonly spec: TaskSpec; readonly resultEdge?: number }
  | { readonly kind: 'readRaw'; readonly address: string; readonly bytes: number }
  | { readonly kind: 'usage' }

export type ProcessReply =
  | { readonly kind: 'opened'; readonly exchange: string; readonly raw: string }
  | { readonly kind: 'ran'; readonly ms: number; readonly result: number }
  | { readonly kind: 'usage'; readonly usage: Usage }
  | { readonly kind: 'failed'; readonly message: string }
