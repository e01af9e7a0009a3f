import gc
import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "minping.site.settings")
application = get_wsgi_application()
# What is loaded stays for good: a collection that walked it all again kept one page in forty waiting for 0.1 s.
gc.collect()
gc.freeze()
