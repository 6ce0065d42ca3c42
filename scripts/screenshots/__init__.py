"""Pictures of the dashboard for the README, made of a real instance under real traffic: `make screenshots`."""
