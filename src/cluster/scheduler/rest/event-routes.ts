/** Server-sent events: all jobs in one line each, and one job with its whole graph. */
import { refusal, type EventAnswer, type HttpAnswer, type Route } from '../../http/route.js'
import type { Jobs, JobSummary } from '../job-record.js'
import { failuresJson, jobJson } from './job-json.js'
import type { SchedulerView } from './scheduler-view.js'
import { graphJson } from './stage-json.js'

export const EVENT_ROUTES: readonly Route<SchedulerView>[] = [
  { method: 'GET', path: '/api/events', handle: (_request, { jobs }) => jobsEvents(jobs) },
  { method: 'GET', path: '/api/job/:id/events', handle: ({ params }, { jobs }) => jobEvents(jobs, params.id) },
]

/** First `jobs`, the whole list; then a `job` for each one that has changed, with its newest state only. */
const jobsEvents = (jobs: Jobs): EventAnswer => ({
  open(changed) {
    let isFirst = true
    const news = new Map<string, JobSummary>()
    const stop = jobs.subscribe(({ job }) => {
      news.set(job.jobId, job)
      changed()
    })
    return {
      over: false,
      take() {
        const latest = [...news.values()]
        news.clear()
        if (!isFirst) return latest.map(job => ({ event: 'job', data: jobJson(job) }))
        isFirst = false
        return [{ event: 'jobs', data: jobs.list().map(jobJson) }]
      },
      stop,
    }
  },
})

/** `job` with stages and edges, now and whenever something has changed; the stream ends with the job. */
function jobEvents(jobs: Jobs, id: string): HttpAnswer {
  if (jobs.get(id) === undefined) return refusal(404, `there is no job ${id}, or it ended too long ago`)
  return {
    open(changed) {
      const stop = jobs.subscribe(({ job }) => {
        if (job.jobId === id) changed()
      })
      const source = {
        over: false,
        take() {
          const job = jobs.get(id)
          source.over = job === undefined || job.endedAtMs !== undefined
          return job === undefined
            ? []
            : [{ event: 'job', data: { ...jobJson(job), failures: failuresJson(job), ...graphJson(job) } }]
        },
        stop,
      }
      return source
    },
  }
}
