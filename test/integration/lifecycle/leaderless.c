/* A process whose first thread ends while another goes on, until something ends the process. */
#include <pthread.h>
#include <unistd.h>

static void *stay(void *unused)
{
	while (pause() != 0)
		;
	return unused;
}

int main(void)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, stay, NULL) != 0)
		return 1;
	pthread_exit(NULL);
}
