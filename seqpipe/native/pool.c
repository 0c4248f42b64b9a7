/* A pool of threads that nobody waits for unless they've begun.
 *
 * OpenMP's threads all have to arrive at the end of each piece of work, even one that found nothing left to do: where other
 * processes use the cores too, everybody waits for one that has lost its own. Here a thread that comes too late is called off.
 * Between calls the threads sleep.
 */

#include <pthread.h>
#include <signal.h>
#include <stdint.h>

static struct {
    pthread_mutex_t call;     /* held by the call that uses the pool */
    pthread_mutex_t lock;     /* of all that follows */
    pthread_cond_t wanted, finished;
    int64_t threads;          /* how many there are beside callers */
    int64_t missing;          /* how many more may join the call */
    int64_t running;          /* how many have */
    void (*step)(void *);
    void *given;
} pool = {
    .call = PTHREAD_MUTEX_INITIALIZER,
    .lock = PTHREAD_MUTEX_INITIALIZER,
    .wanted = PTHREAD_COND_INITIALIZER,
    .finished = PTHREAD_COND_INITIALIZER,
};

static void *serve(void *unused) {
    (void)unused;
    pthread_mutex_lock(&pool.lock);
    for (;;) {
        while (!pool.missing) pthread_cond_wait(&pool.wanted, &pool.lock);
        pool.missing--;
        pool.running++;
        void (*step)(void *) = pool.step;
        void *given = pool.given;
        pthread_mutex_unlock(&pool.lock);
        step(given);
        pthread_mutex_lock(&pool.lock);
        if (!--pool.running) pthread_cond_signal(&pool.finished);
    }
    return NULL;
}

/* Start threads, with `lock` held. Where the system gives fewer, there are fewer. */
static void start_threads(int64_t threads) {
    /* Signals are for the threads that Python knows. */
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    while (pool.threads < threads) {
        pthread_t started;
        if (pthread_create(&started, NULL, serve, NULL)) break;
        pthread_detach(started);
        pool.threads++;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

/* Run a function on up to so many threads, this one included: in the form of OpenMP's runtime. The function has to do
 * everything that's left, whichever threads call it. */
void seqpipe_parallel(void (*step)(void *), void *given, unsigned threads, unsigned flags) {
    (void)flags;
    if (threads < 2 || pthread_mutex_trylock(&pool.call)) {
        step(given);
        return;
    }
    pthread_mutex_lock(&pool.lock);
    if (pool.threads < threads - 1) start_threads(threads - 1);
    pool.step = step;
    pool.given = given;
    pool.missing = threads - 1;
    for (int64_t i = 0; i < pool.missing; i++) pthread_cond_signal(&pool.wanted);
    pthread_mutex_unlock(&pool.lock);
    step(given);
    pthread_mutex_lock(&pool.lock);
    pool.missing = 0;
    while (pool.running) pthread_cond_wait(&pool.finished, &pool.lock);
    pthread_mutex_unlock(&pool.lock);
    pthread_mutex_unlock(&pool.call);
}
