"""What Streamlit runs at each change; the page is a module beside it, so that its lock is one for all tabs."""

import os

from foldin.recommend.app import page, serve

page.show(os.environ[serve.DATASET])
