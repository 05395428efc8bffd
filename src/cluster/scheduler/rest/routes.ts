/** Everything a scheduler answers over HTTP. */
import type { Route } from '../../http/route.js'
import { EVENT_ROUTES } from './event-routes.js'
import { JOB_ROUTES } from './job-routes.js'
import { NODE_ROUTES } from './node-routes.js'
import { PAGE_ROUTES } from './page.js'
import type { SchedulerView } from './scheduler-view.js'

export const SCHEDULER_ROUTES: readonly Route<SchedulerView>[] = [
  ...PAGE_ROUTES,
  ...NODE_ROUTES,
  ...JOB_ROUTES,
  ...EVENT_ROUTES,
]
